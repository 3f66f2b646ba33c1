//! Texts about filters that cannot be read. In English they are those of the API, with the same places.

words! {
    /// Texts about filters that cannot be read.
    FilterWords {
        filter_bytes: "Invalid filter of {0} bytes: at most {1} are allowed", "필터가 {0}바이트입니다. 최대 {1}바이트까지 쓸 수 있습니다";
        unparsed: "Invalid filter '{0}'. Could not be parsed.", "필터 '{0}'을(를) 해석할 수 없습니다.";
        comparisons: "Invalid filter: more than {0} comparisons", "필터에 비교가 {0}개보다 많습니다";
        incomplete: "Invalid comparison clause", "비교가 완성되지 않았습니다";
        no_comparator: "Invalid comparison clause. Expected comparator", "비교 연산자가 없습니다";
        no_value: "Invalid comparison clause. Expected value", "비교할 값이 없습니다";
        not_an_identifier: "Invalid comparison clause. Expected 'Identifier' found '{0}'", "이름이 올 자리에 '{0}'이(가) 있습니다";
        identifier: "Invalid identifier", "올바르지 않은 이름입니다";
        entity: "Invalid entity type '{0}'. Valid values are {1}", "'{0}'은(는) 알 수 없는 종류입니다. 쓸 수 있는 종류: {1}";
        order_entity: "Invalid order_by entity type '{0}'. Valid values are {1}", "'{0}'(으)로는 정렬할 수 없습니다. 쓸 수 있는 종류: {1}";
        attribute: "Invalid attribute key '{0}' specified. Valid keys are {1}", "'{0}'은(는) 알 수 없는 속성입니다. 쓸 수 있는 속성: {1}";
        dataset: "Invalid dataset key '{0}' specified. Valid keys are {1}", "'{0}'은(는) 알 수 없는 데이터셋 키입니다. 쓸 수 있는 키: {1}";
        issue: "Invalid issue key '{0}'. The only valid key is 'id'", "이슈 키 '{0}'이(가) 올바르지 않습니다. 쓸 수 있는 키는 'id'뿐입니다";
        span: "Invalid span attribute '{0}'. Supported attributes: name, status, type, content, attributes.<attribute_name>.", "스팬 속성 '{0}'이(가) 올바르지 않습니다. 쓸 수 있는 속성: name, status, type, content, attributes.<속성 이름>";
        comparator: "Invalid comparator '{0}' not one of {1}", "여기서는 연산자 '{0}'을(를) 쓸 수 없습니다. 쓸 수 있는 연산자: {1}";
        null_test: "IS NULL / IS NOT NULL is only supported for tags and params", "IS NULL과 IS NOT NULL은 태그와 매개변수에만 쓸 수 있습니다";
        listed_attributes: "Only {0} attributes support comparison with a list of quoted string values.", "목록과 비교할 수 있는 속성은 {0}뿐입니다.";
        no_list: "Invalid clause(s) in filter string: IN without a list", "IN 다음에 목록이 없습니다";
        bad_list: "While parsing a list in the query, expected a non-empty list of quoted string values", "따옴표로 감싼 값이 하나 이상 있는 목록이 필요합니다";
        list_length: "Invalid list: more than {0} values", "목록의 값이 {0}개보다 많습니다";
        metric_value: "Expected numeric value type for metric. Found {0}", "메트릭은 숫자와 비교해야 합니다. 입력한 값: {0}";
        attribute_value: "Expected numeric value type for numeric attribute. Found {0}", "숫자 속성은 숫자와 비교해야 합니다. 입력한 값: {0}";
        number_for_text: "Expected a quoted string value. Got value {0}", "따옴표로 감싼 문자열이 필요합니다. 입력한 값: {0}";
        unquoted: "Parameter value is either not quoted or unidentified quote types used for string value {0}. Use either single or double quotes.", "값 {0}이(가) 따옴표로 감싸여 있지 않습니다. 작은따옴표나 큰따옴표를 쓰세요.";
        pattern_length: "Invalid pattern: more than {0} characters", "패턴이 {0}자보다 깁니다";
        regex: "Invalid regular expression '{0}': {1}", "정규 표현식 '{0}'이(가) 올바르지 않습니다: {1}";
        word: "Unknown value in filter: '{0}'", "필터에 알 수 없는 값 '{0}'이(가) 있습니다";
        experiment_id: "Invalid experiment ID '{0}'", "'{0}'은(는) 실험 ID가 아닙니다";
        several_expressions: "Search filter contained multiple expression", "필터에 식이 여러 개 있습니다";
        token: "Invalid clause(s) in filter string: '{0}'", "필터에서 '{0}'을(를) 해석할 수 없습니다";
        other: "{0}", "{0}";
        comparison_form: "a comparison has the form <entity>.<key> <comparator> <value>", "비교는 <종류>.<키> <연산자> <값> 형식으로 씁니다";
        key_form: "a key with other characters than letters, digits, '_' and '.' stands in back-quotes: tags.`a b`", "글자, 숫자, '_', '.' 외의 문자가 있는 키는 백틱으로 감쌉니다: tags.`a b`";
        quotes_form: "a text stands in single or double quotes: params.model = 'cnn'", "문자열은 작은따옴표나 큰따옴표로 감쌉니다: params.model = 'cnn'";
        list_form: "a list has the form ('a', 'b')", "목록은 ('a', 'b') 형식으로 씁니다";
        less_form: "ask for less", "조건을 줄이세요";
        sides_form: "what is searched stands left, its value right", "찾을 대상은 왼쪽에, 값은 오른쪽에 씁니다";
        metric_number_form: "a number without quotes, as in metrics.loss < 0.5", "따옴표 없는 숫자를 씁니다. 예: metrics.loss < 0.5";
        number_form: "a number without quotes", "따옴표 없는 숫자를 씁니다";
        whole_number_form: "an integer without quotes", "따옴표 없는 정수를 씁니다";
        integer_form: "an integer", "정수를 씁니다";
        experiment_number_form: "an experiment ID is an integer", "실험 ID는 정수입니다";
        one_of_form: "it is one of {0}", "다음 중 하나여야 합니다: {0}";
        and_list_form: "Provide AND-ed expression list", "조건을 AND로 이으세요";
        unclosed_form: "the quote is never closed", "따옴표가 닫히지 않았습니다";
        no_parentheses_form: "comparisons are joined by AND, without parentheses", "비교는 괄호 없이 AND로 잇습니다";
        only_and_form: "comparisons are only joined by AND", "비교는 AND로만 이을 수 있습니다";
    }
}
