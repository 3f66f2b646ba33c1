//! Texts about requests that failed.

words! {
    /// Texts about requests that failed.
    ErrorWords {
        bad_request: "This cannot be done", "요청을 처리할 수 없습니다";
        forbidden: "You may not do this", "권한이 없습니다";
        not_found: "Nothing is here", "찾을 수 없습니다";
        not_found_text: "The address leads to nothing that you may see.", "이 주소에는 볼 수 있는 내용이 없습니다.";
        sign_in_text: "It may be shown after you sign in.", "로그인하면 보일 수 있습니다.";
        busy: "The server is busy", "서버가 바쁩니다";
        fault: "The server made a mistake", "서버에 오류가 발생했습니다";
        try_again: "Try again in a moment.", "잠시 후 다시 시도하세요.";
        request_id: "Request {0}", "요청 {0}";
        back: "Back to the experiments", "실험 목록으로 돌아가기";
        form_expired: "This form is too old. Open the page again and repeat the change.", "양식이 만료되었습니다. 페이지를 다시 열고 변경을 반복하세요.";
    }
}
