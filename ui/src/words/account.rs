//! Texts of the page of a reader's account.

words! {
    /// Texts of the page of a reader's account.
    AccountWords {
        title: "Account", "계정";
        signed_in_as: "Signed in as {0}.", "{0} 계정으로 로그인했습니다.";
        signed_in_elsewhere: "You are signed in by the forge or by your client, so there is no session here to end.", "포지 또는 클라이언트로 로그인했으므로 여기서 종료할 세션이 없습니다.";
        unnamed_text: "The forge tells who you are only within a project, so this page cannot show your name.", "포지는 프로젝트 안에서만 사용자를 알려 주므로 이 페이지는 이름을 표시할 수 없습니다.";
        sessions: "Sessions", "세션";
        sessions_text: "A session ends after 30 days, or after 7 days without use. It has the rights that its token has now.", "세션은 30일 후, 또는 7일 동안 사용하지 않으면 끝납니다. 세션의 권한은 현재 토큰의 권한과 같습니다.";
        browser: "Browser", "브라우저";
        unnamed: "unnamed", "이름 없음";
        last_use: "Last use", "마지막 사용";
        this_one: "this one", "현재 세션";
        end_it: "End", "종료";
        end_session: "End session {0}", "세션 {0} 종료";
        end_all: "End all sessions", "모든 세션 종료";
    }
}
