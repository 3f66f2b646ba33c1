//! Texts of the page on which readers sign in.

words! {
    /// Texts of the page on which readers sign in.
    SignInWords {
        hidden_text: "This page is private, or does not exist. Sign in to find out.", "비공개이거나 없는 페이지입니다. 확인하려면 로그인하세요.";
        text: "Sign in to see your projects.", "프로젝트를 보려면 로그인하세요.";
        continue_with: "Continue with {0}", "{0} 계정으로 계속";
        token: "Access token", "액세스 토큰";
        token_help: "A token that may read shows everything; one that may also write can change it. It is kept, sealed, for this session only.", "읽기 권한이 있는 토큰으로 모두 볼 수 있고, 쓰기 권한이 있으면 변경할 수 있습니다. 토큰은 이 세션 동안만 봉인되어 보관됩니다.";
        with_token: "Sign in with token", "토큰으로 로그인";
        once_hint: "Running {0} yourself? It prints a link that signs you in once.", "직접 {0} 명령을 실행 중이신가요? 한 번 로그인할 수 있는 링크가 출력됩니다.";
        no_token: "Paste a token first.", "먼저 토큰을 붙여 넣으세요.";
        unknown_token: "This token is unknown, has expired or was revoked. Make a new one.", "알 수 없거나 만료되었거나 취소된 토큰입니다. 새 토큰을 만드세요.";
        scope_lacks: "This token may not read here. It needs the scope {0}.", "이 토큰에는 읽기 권한이 없습니다. {0} 범위가 필요합니다.";
        no_project: "The forge does not tell whose token this is. Open the page of a project that you may see, and sign in there.", "포지가 토큰의 소유자를 알려 주지 않습니다. 볼 수 있는 프로젝트의 페이지를 열고 그곳에서 로그인하세요.";
        too_many: "Too many sign-ins failed. Try again in a minute.", "로그인 실패가 너무 많습니다. 1분 후 다시 시도하세요.";
        link_used: "This link was followed already, or is older than 10 minutes. Start the server again for a new one.", "이미 사용했거나 10분이 지난 링크입니다. 새 링크를 받으려면 서버를 다시 시작하세요.";
        forge_refused: "{0} did not sign you in. Begin again.", "{0}에서 로그인하지 못했습니다. 처음부터 다시 시도하세요.";
        forge_denied: "You did not agree on {0}, so you are not signed in.", "{0}에서 동의하지 않아 로그인하지 않았습니다.";
        flow_expired: "This sign-in took too long, or began in another browser. Begin again.", "로그인이 너무 오래 걸렸거나 다른 브라우저에서 시작되었습니다. 처음부터 다시 시도하세요.";
        forge_down: "The forge does not answer, so nobody can sign in now.", "포지가 응답하지 않아 지금은 로그인할 수 없습니다.";
    }
}
