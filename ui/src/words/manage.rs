//! Texts of the pages on which users of the server manage their tokens and projects.

words! {
    /// Texts of the pages on which users of the server manage their tokens and projects.
    ManageWords {
        tokens: "Tokens", "토큰";
        tokens_text: "A token signs in clients and browsers as you.", "토큰은 클라이언트와 브라우저를 내 계정으로 로그인시킵니다.";
        begin: "Begin", "앞부분";
        project: "Project", "프로젝트";
        all_mine: "all of mine", "내 프로젝트 전체";
        scope: "Scope", "범위";
        reads: "read_api: look", "read_api: 읽기";
        writes: "api: look and change", "api: 읽기와 변경";
        last_day: "Expires", "만료일";
        never: "never", "없음";
        revoke: "Revoke", "취소";
        revoke_token: "Revoke token {0}", "토큰 {0} 취소";
        new_token: "New token", "새 토큰";
        only_project: "Only for the project (empty: all of mine)", "이 프로젝트 전용(비우면 내 프로젝트 전체)";
        days: "Days until it expires (empty: never)", "만료까지 일수(비우면 만료 없음)";
        bad_days: "{0} is no number of days from 1 to 3,650.", "{0}은(는) 1에서 3,650 사이의 일수가 아닙니다.";
        shown_once: "This is the token. It is shown now and never again.", "새 토큰입니다. 지금 한 번만 표시됩니다.";
        owned: "Projects that you own", "내가 소유한 프로젝트";
        members: "Members", "구성원";
        member: "User", "사용자";
        role: "Role", "역할";
        set_role: "Set role", "역할 설정";
        remove: "Remove", "제거";
        remove_member: "Remove {0}", "{0} 제거";
        yourself: "you", "나";
        own_role: "Another owner may change your own role, so that a project keeps one.", "프로젝트에 소유자가 남도록 내 역할은 다른 소유자만 바꿀 수 있습니다.";
        visibility_text: "Who reads without being a member: nobody (private), every user (internal), everybody without signing in (public).", "구성원이 아니어도 읽을 수 있는 사람: 없음(비공개), 모든 사용자(내부), 로그인하지 않은 모두(공개).";
        audit: "Audit log", "감사 로그";
        unknown_user: "No user is called {0}. Make one with: mlforge user create", "{0}(이)라는 사용자가 없습니다. mlforge user create 명령으로 만드세요.";
        administration: "Administration", "관리";
        administrator: "administrator", "관리자";
        users: "Users", "사용자";
        users_text: "Users of this server. An administrator makes users and projects, and has no right in a project by that.", "이 서버의 사용자입니다. 관리자는 사용자와 프로젝트를 만들며, 그것만으로 프로젝트 권한을 갖지는 않습니다.";
        new_user: "New user", "새 사용자";
        user_taken: "A user {0} exists already.", "사용자 {0}이(가) 이미 있습니다.";
        first_token: "Give this token to {0}. It signs in for 7 days, and is shown now and never again.", "이 토큰을 {0}에게 전달하세요. 7일 동안 로그인할 수 있고 지금 한 번만 표시됩니다.";
        all_projects: "All projects", "모든 프로젝트";
        all_projects_text: "The storage of a project is counted in the background when somebody looks, at most every 10 minutes.", "저장 용량은 페이지를 볼 때 백그라운드에서 최대 10분마다 집계됩니다.";
        new_project: "New project", "새 프로젝트";
        path_taken: "A project {0} exists already.", "프로젝트 {0}이(가) 이미 있습니다.";
        owner: "Owner", "소유자";
        unknown_owner: "No user is called {0}.", "{0}(이)라는 사용자가 없습니다.";
        storage: "Storage", "저장 용량";
        records: "Records", "레코드";
        files: "Files", "파일";
        count: "Count", "집계";
        counted: "counted {0}", "{0} 집계";
        of_bound: "{0} of {1}", "{1} 중 {0}";
        being_counted: "being counted", "집계 중";
        unknown_project: "You see no project {0}.", "볼 수 있는 프로젝트 {0}이(가) 없습니다.";
    }
}
