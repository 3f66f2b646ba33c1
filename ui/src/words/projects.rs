//! Texts of the list of projects.

words! {
    /// Texts of the list of projects.
    ProjectWords {
        title: "Projects", "프로젝트";
        table: "Projects table", "프로젝트 표";
        visibility: "Visibility", "공개 범위";
        private: "private", "비공개";
        internal: "internal", "내부";
        public: "public", "공개";
        none: "You may see no project yet. Ask an owner to add you, or make one:", "아직 볼 수 있는 프로젝트가 없습니다. 소유자에게 추가를 요청하거나 새로 만드세요:";
        none_public: "No project is public. Sign in to see yours.", "공개된 프로젝트가 없습니다. 로그인하면 내 프로젝트를 볼 수 있습니다.";
        none_of_forge: "You are a member of no project yet.", "아직 구성원인 프로젝트가 없습니다.";
        forge_lists: "The pages of the forge list the projects. Open one here by its path.", "프로젝트 목록은 포지 페이지에 있습니다. 여기서는 경로로 여세요.";
        open: "Open a project", "프로젝트 열기";
        path: "Path of the project", "프로젝트 경로";
        path_help: "As the forge writes it, for example {0}.", "포지에 표시된 대로 입력하세요. 예: {0}";
        go: "Open", "열기";
        bad_path: "{0} is no path of a project.", "{0}은(는) 프로젝트 경로가 아닙니다.";
    }
}
