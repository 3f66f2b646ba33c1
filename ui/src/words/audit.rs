//! Texts of the audit log of a project, and of the log of changes of the server's users and projects.

words! {
    /// Texts of the audit log of a project, and of the log of changes of the server's users and projects.
    AuditWords {
        title: "Audit log", "감사 로그";
        text: "What was created, changed and deleted in this project, the newest first.", "이 프로젝트에서 생성, 변경, 삭제된 내역입니다. 최신순입니다.";
        table: "Audit log table", "감사 로그 표";
        filter: "Filter the audit log", "감사 로그 필터";
        time: "Time", "시각";
        in_an_hour: "within an hour", "한 시간 동안";
        actor: "Who", "사용자";
        action: "Action", "작업";
        object: "Object", "대상";
        request: "Request", "요청";
        from: "From (UTC)", "시작일(UTC)";
        until: "Until (UTC)", "종료일(UTC)";
        bad_day: "{0} is no day of the form 2026-01-31.", "{0}은(는) 2026-01-31 형식의 날짜가 아닙니다.";
        none: "No change is recorded.", "기록된 변경이 없습니다.";
        none_here: "No record on this page matches. Older ones follow on the next page.", "이 페이지에는 일치하는 기록이 없습니다. 이전 기록은 다음 페이지에 있습니다.";
        show_all: "Show all", "모두 보기";
        only_actor: "Only changes by {0}", "{0}의 변경만 보기";
        only_object: "Only changes of {0}", "{0}의 변경만 보기";
        changes: "Changes of users and projects", "사용자와 프로젝트 변경";
        changes_text: "What was changed of users, projects, members and tokens, on pages and by commands, the newest first.", "페이지와 명령으로 변경된 사용자, 프로젝트, 구성원, 토큰 내역입니다. 최신순입니다.";
        by_command: "command line", "명령줄";
    }
}
