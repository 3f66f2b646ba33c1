//! Brings registered models with their versions, after the runs and logged models to which they lead.

use http::Method;
use serde_json::{Value, json};

use super::Importer;
use super::json::{at, number, of_pairs, pairs, set, take, text};
use super::report::Kind;
use super::runs::run_id;
use super::source::{Model, Version};
use super::target::{Refused, past};

impl Importer {
    /// All registered models of the source.
    pub(super) async fn source_models(&self) -> anyhow::Result<Vec<Model>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.source.models(after).await?;
            self.report.unreadable(&page.unreadable);
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Creates a model that the project lacks, and its experiment. False: it cannot be brought.
    pub(super) async fn model(&self, model: &Model) -> anyhow::Result<bool> {
        let object = format!("registered model `{}`", model.name);
        let brought = self.report.survive(object, self.create_model(model).await)?;
        Ok(brought.is_some())
    }

    async fn create_model(&self, model: &Model) -> anyhow::Result<()> {
        let Some(found) = self.found_model(model).await? else {
            let tags = of_pairs(&model.tags);
            let body = json!({"name": model.name, "description": model.description, "tags": tags});
            let past = past(model.created_ms, "");
            self.target.post("registered-models/create", &body, &past).await?;
            self.report.carried(Kind::Models, 1);
            return Ok(());
        };
        let known = pairs(&found, "tags");
        for (key, value) in &model.tags {
            if !known.iter().any(|(other, _)| other == key) {
                let body = json!({"name": model.name, "key": key, "value": value});
                let past = past(model.updated_ms, "");
                self.target.post("registered-models/set-tag", &body, &past).await?;
            }
        }
        self.report.present(Kind::Models);
        Ok(())
    }

    async fn found_model(&self, model: &Model) -> anyhow::Result<Option<Value>> {
        let query = [("name", model.name.as_str())];
        let found = self.target.find("mlflow/registered-models/get", &query).await?;
        Ok(found.map(|mut found| take(&mut found, &["registered_model"])))
    }

    /// Brings the versions of a model in the order of their numbers, its aliases, and its time of the last update.
    pub(super) async fn versions(&self, model: &Model) -> anyhow::Result<()> {
        let (mut after, mut is_changed) = (None, false);
        loop {
            let page = self.source.versions(model, after).await?;
            self.report.unreadable(&page.unreadable);
            for version in &page.items {
                let object = format!("version {} of `{}`", version.number, model.name);
                let brought = self.version(model, version, &object).await;
                is_changed |= self.report.survive(object, brought)?.unwrap_or(false);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        for (alias, version) in &model.aliases {
            let set = self.alias(model, alias, *version).await;
            self.report
                .survive(format_args!("alias `{alias}` of `{}`", model.name), set)?;
        }
        let found = self.found_model(model).await?.unwrap_or_default();
        let was_created =
            number(at(&found, &["creation_timestamp"])) == number(at(&found, &["last_updated_timestamp"]));
        if (is_changed || was_created) && number(at(&found, &["last_updated_timestamp"])) != model.updated_ms {
            let body = json!({"name": model.name, "description": model.description});
            let past = past(model.updated_ms, "");
            let update = self
                .target
                .replay(Method::PATCH, "mlflow/registered-models/update", &body, &past);
            update.await?;
        }
        Ok(())
    }

    /// Brings a version. True if it was not there.
    async fn version(&self, model: &Model, version: &Version, object: &str) -> anyhow::Result<bool> {
        let number_text = version.number.to_string();
        let query = [("name", model.name.as_str()), ("version", &number_text)];
        let found = self.target.find("mlflow/model-versions/get", &query).await?;
        let (is_new, created) = match found {
            Some(mut found) => (false, take(&mut found, &["model_version"])),
            None => (true, self.create_version(model, version, object).await?),
        };
        let updated_ms = number(at(&created, &["last_updated_timestamp"]));
        // Only a version that nobody changed since: an import may have broken off here.
        if updated_ms == number(at(&created, &["creation_timestamp"])) && updated_ms != version.updated_ms {
            self.settle_version(model, version).await?;
        }
        match is_new {
            true => self.report.carried(Kind::Versions, 1),
            false => self.report.present(Kind::Versions),
        }
        Ok(is_new)
    }

    /// Gives a new version its stage, and its time of the last update.
    async fn settle_version(&self, model: &Model, version: &Version) -> anyhow::Result<()> {
        let past = past(version.updated_ms, &version.user);
        let mut body = json!({"name": model.name, "version": version.number.to_string()});
        if !matches!(version.stage.as_str(), "" | "None") {
            set(&mut body, "stage", json!(version.stage));
            self.target
                .post("model-versions/transition-stage", &body, &past)
                .await?;
            return Ok(());
        }
        if let Some(description) = &version.description {
            set(&mut body, "description", json!(description));
        }
        let update = self
            .target
            .replay(Method::PATCH, "mlflow/model-versions/update", &body, &past);
        update.await.map(drop)
    }

    /// Creates a version from the first of its sources that the project accepts. The last one is its own location, to which its
    /// files are copied.
    async fn create_version(&self, model: &Model, version: &Version, object: &str) -> anyhow::Result<Value> {
        let run = match version.run.is_empty() {
            true => None,
            false => self.target_run(&run_id(&version.run)).await?,
        };
        let run = run.map(|run| text(at(&run, &["info", "run_id"])));
        if run.is_none() && !version.run.is_empty() {
            self.report
                .problem(object, format_args!("its run {} is not in this project", version.run));
        }
        let mut sources = Vec::new();
        for source in [&version.source, &version.location] {
            sources.extend(self.target_source(source).await?);
        }
        let past = past(version.created_ms, &version.user);
        let mut body = json!({
            "name": model.name, "version": version.number.to_string(), "description": version.description,
            "tags": of_pairs(&version.tags), "run_link": version.run_link, "run_id": run,
        });
        for source in sources {
            set(&mut body, "source", json!(source));
            match self.target.post("model-versions/create", &body, &past).await {
                Ok(mut created) => return Ok(take(&mut created, &["model_version"])),
                Err(error)
                    if error
                        .downcast_ref::<Refused>()
                        .is_some_and(|refused| !refused.is_taken()) => {}
                Err(error) => return Err(error),
            }
        }
        set(&mut body, "source", json!(""));
        let mut created = self.target.post("model-versions/create", &body, &past).await?;
        self.copy_version(model, version, object).await?;
        Ok(take(&mut created, &["model_version"]))
    }

    /// Copies the files of a version to its own location.
    async fn copy_version(&self, model: &Model, version: &Version, object: &str) -> anyhow::Result<()> {
        let number_text = version.number.to_string();
        let query = [("name", model.name.as_str()), ("version", &number_text)];
        let found = self
            .target
            .find("mlflow/model-versions/get-download-uri", &query)
            .await?;
        let to = text(at(&found.unwrap_or_default(), &["artifact_uri"]));
        let mut from = [&version.location, &version.source]
            .into_iter()
            .filter(|uri| !uri.is_empty());
        let Some(from) = from.next() else { return Ok(()) };
        let copied = self.copy_files(object, from, &to, false).await?;
        if copied == 0 {
            self.report.problem(
                object,
                format_args!("its source {from} is not in this project, so it has no files"),
            );
        }
        Ok(())
    }

    async fn target_run(&self, id: &str) -> anyhow::Result<Option<Value>> {
        let found = self.target.find("mlflow/runs/get", &[("run_id", id)]).await?;
        Ok(found.map(|mut found| take(&mut found, &["run"])))
    }

    /// The source of a version as the project knows it. `None`: the project has nothing there.
    async fn target_source(&self, source: &str) -> anyhow::Result<Option<String>> {
        match SourcePath::of(source) {
            SourcePath::Kept => Ok(Some(source.to_owned())),
            SourcePath::None => Ok(None),
            SourcePath::Run { run, below, by_id } => {
                let Some(run) = self.target_run(&run).await? else {
                    return Ok(None);
                };
                let root = match by_id {
                    true => format!("runs:/{}", text(at(&run, &["info", "run_id"]))),
                    false => text(at(&run, &["info", "artifact_uri"])),
                };
                Ok(Some(super::files::joined(&root, &below)))
            }
            SourcePath::Logged { model, below } => {
                let model = super::runs::model_id(&model);
                if below.is_empty() {
                    return Ok(Some(format!("models:/{model}")));
                }
                let found = self.target.find(&format!("mlflow/logged-models/{model}"), &[]).await?;
                let root = found.map(|found| text(at(&found, &["model", "info", "artifact_uri"])));
                Ok(root.map(|root| super::files::joined(&root, &below)))
            }
        }
    }

    async fn alias(&self, model: &Model, alias: &str, version: u64) -> anyhow::Result<()> {
        let query = [("name", model.name.as_str()), ("alias", alias)];
        match self.target.find("mlflow/registered-models/alias", &query).await {
            Ok(Some(_)) => return Ok(()),
            // An alias that is absent is refused as invalid.
            Err(error) if !error.is::<Refused>() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        // GitLab shows the semantic version as an alias, which every version here has.
        if alias.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Ok(());
        }
        let body = json!({"name": model.name, "alias": alias, "version": version.to_string()});
        let past = past(model.updated_ms, "");
        self.target
            .post("registered-models/alias", &body, &past)
            .await
            .map(drop)
    }
}

/// The thing to which the source of a version leads.
#[derive(Debug, PartialEq, Eq)]
enum SourcePath {
    /// It means the same in every store: a placeholder, another version, or a store elsewhere.
    Kept,
    None,
    Run {
        run: String,
        below: String,
        /// True for `runs:/…`.
        by_id: bool,
    },
    Logged {
        model: String,
        below: String,
    },
}

impl SourcePath {
    fn of(source: &str) -> Self {
        if source.is_empty() {
            return Self::None;
        }
        if let Some(path) = source.strip_prefix("runs:/") {
            let (run, below) = path.split_once('/').unwrap_or((path, ""));
            let (run, below) = (run_id(run), below.to_owned());
            return Self::Run {
                run,
                below,
                by_id: true,
            };
        }
        if let Some(path) = source.strip_prefix("models:/") {
            return match path.strip_prefix("m-").filter(|id| is_id(id)) {
                Some(_) => Self::Logged {
                    model: path.to_owned(),
                    below: String::new(),
                },
                None => Self::Kept,
            };
        }
        match Self::among_artifacts(source) {
            Self::None if matches!(source, "dummy-source" | "prompt-template") => Self::Kept,
            Self::None
                if source.contains("://") && !source.starts_with("file:") && !source.contains("mlflow-artifacts") =>
            {
                Self::Kept
            }
            found => found,
        }
    }

    /// Finds the run or logged model whose directory of artifacts is in a path.
    fn among_artifacts(path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').collect();
        for (index, pair) in segments.windows(2).enumerate().rev() {
            let [id, "artifacts"] = pair else { continue };
            let below = segments.get(index + 2..).unwrap_or_default().join("/");
            if is_id(&id.replace('-', "")) {
                return Self::Run {
                    run: run_id(id),
                    below,
                    by_id: false,
                };
            }
            if id.strip_prefix("m-").is_some_and(is_id) {
                return Self::Logged {
                    model: (*id).to_owned(),
                    below,
                };
            }
        }
        Self::None
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_leads_to_its_run_or_logged_model_wherever_the_store_was() {
        const ID: &str = "0123456789abcdef0123456789abcdef";
        let run = |below: &str, by_id| SourcePath::Run {
            run: ID.to_owned(),
            below: below.to_owned(),
            by_id,
        };
        let logged = |below: &str| SourcePath::Logged {
            model: format!("m-{ID}"),
            below: below.to_owned(),
        };
        for root in [
            "/home/ada/mlruns/1",
            "mlflow-artifacts:/1",
            "file:///mlruns/1",
            "s3://bucket/1",
            "./mlruns/1",
        ] {
            assert_eq!(
                SourcePath::of(&format!("{root}/{ID}/artifacts/sub dir")),
                run("sub dir", false),
                "{root}"
            );
            assert_eq!(
                SourcePath::of(&format!("{root}/models/m-{ID}/artifacts")),
                logged(""),
                "{root}"
            );
        }
        assert_eq!(SourcePath::of(&format!("runs:/{ID}/model")), run("model", true));
        assert_eq!(SourcePath::of(&format!("models:/m-{ID}")), logged(""));
        for kept in [
            "models:/other/3",
            "models:/other@champ",
            "dummy-source",
            "s3://bucket/model",
            "https://host/m",
        ] {
            assert_eq!(SourcePath::of(kept), SourcePath::Kept, "{kept}");
        }
        for none in ["", "/models/x", "file:///models/x", "mlflow-artifacts:/x"] {
            assert_eq!(SourcePath::of(none), SourcePath::None, "{none}");
        }
    }
}
