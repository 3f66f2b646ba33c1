//! The place of a project's pages, and the reader's language: facts that only the host knows.

use mlforge_ui::{Language, Words};

/// The place of a project's pages. All texts are empty when the host does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Scheme and name of the host: `https://ml.example.org`.
    pub origin: String,
    /// The path of the host's address, without a slash at its end: `/base`, or nothing.
    pub root: String,
    /// The project's path, for example `vision/cats`.
    pub project: String,
    /// The project's number, which addresses of clients have.
    pub project_id: String,
    /// The reader's language.
    pub language: Language,
    /// The token that the forms of this reader carry.
    pub form_token: String,
    /// The address of this page after the host's, for links that come back.
    pub here: String,
    /// True if the host has a page to sign in.
    pub has_sign_in: bool,
    /// The text that this page asked the browser to remember on an earlier visit. It may be any text: the reader sends it.
    pub remembered: String,
}

impl Site {
    /// The texts in the reader's language.
    pub fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    /// The address of a page of the project, from its path after `/-/ml/`, which is encoded already.
    pub fn page(&self, path: &str) -> String {
        let project = mlforge_ui::link::encoded_path(&self.project);
        format!("{}/{project}/-/ml/{path}", self.root)
    }

    /// The address that a client sets as `MLFLOW_TRACKING_URI`.
    pub fn tracking_uri(&self) -> String {
        format!(
            "{}{}/api/v4/projects/{}/ml/mlflow",
            self.origin, self.root, self.project_id
        )
    }
}
