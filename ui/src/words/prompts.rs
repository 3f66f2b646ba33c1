//! Texts of prompts.

words! {
    /// Texts of prompts.
    PromptWords {
        text: "Text of version {0}", "버전 {0}의 텍스트";
        chat: "Chat", "대화";
        no_text: "This version has no text.", "이 버전에는 텍스트가 없습니다.";
        message: "Message", "메시지";
        differences: "From version {0} to {1}", "버전 {0}에서 {1}까지";
        same: "The texts are the same.", "텍스트가 같습니다.";
        too_long: "The texts differ in too many lines to be matched. All old lines come first, then all new ones.", "다른 줄이 너무 많아 맞춰 볼 수 없습니다. 이전 줄을 모두, 이어서 새 줄을 모두 표시합니다.";
        lines_cut: "{0} {0|line is|lines are} the same", "같은 줄 {0}개";
        rest_cut: "{0} more {0|line is|lines are} not shown.", "나머지 {0}줄은 표시하지 않습니다.";
        compare: "Compare", "비교";
        from: "From", "이전";
        to: "To", "이후";
        change: "Change", "변경";
        since: "since {0}", "{0} 이후";
        load_it: "Load it", "불러오기";
    }
}
