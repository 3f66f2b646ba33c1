//! Texts of many pages.

words! {
    /// Texts of many pages.
    CommonWords {
        skip: "Skip to content", "본문으로 건너뛰기";
        breadcrumb: "Breadcrumb", "현재 위치";
        project_nav: "Project", "프로젝트";
        language: "Language", "언어";
        sign_in: "Sign in", "로그인";
        sign_out: "Sign out", "로그아웃";
        experiments: "Experiments", "실험";
        models: "Models", "모델";
        prompts: "Prompts", "프롬프트";
        trash: "Trash", "휴지통";
        api: "API", "API";
        help: "Help", "도움말";
        copy: "Copy", "복사";
        copied: "Copied", "복사됨";
        name: "Name", "이름";
        description: "Description", "설명";
        created: "Created", "생성";
        updated: "Updated", "수정";
        by: "By", "작성자";
        status: "Status", "상태";
        search: "Search", "검색";
        show: "Show", "보기";
        active: "Active", "활성";
        deleted: "Deleted", "삭제됨";
        save: "Save", "저장";
        create: "Create", "만들기";
        cancel: "Cancel", "취소";
        edit: "Edit", "편집";
        delete: "Delete", "삭제";
        restore: "Restore", "복원";
        next: "Next", "다음";
        first: "First", "처음";
        pages: "Pages", "페이지";
        none: "none", "없음";
        running: "Running", "실행 중";
        scheduled: "Scheduled", "예약됨";
        finished: "Finished", "완료";
        failed: "Failed", "실패";
        killed: "Killed", "중단됨";
        just_now: "just now", "방금";
        minutes_ago: "{0} min ago", "{0}분 전";
        hours_ago: "{0} h ago", "{0}시간 전";
        yesterday: "yesterday", "어제";
        days_ago: "{0} days ago", "{0}일 전";
        milliseconds: "{0} ms", "{0}밀리초";
        seconds: "{0} s", "{0}초";
        minutes: "{0} min", "{0}분";
        hours: "{0} h", "{0}시간";
        days: "{0} d", "{0}일";
        csv: "CSV", "CSV";
        json: "JSON", "JSON";
        svg: "SVG", "SVG";
        all_projects: "All projects", "모든 프로젝트";
    }
}
