//! The examples of `docs/forge-protocol.md`: the adapter sends these requests and understands these answers, and the documents
//! fit the schema.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::*;
use crate::forge::Webhook;

const PROTOCOL: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/forge-protocol.md"));
/// The secret with which the examples of webhooks are signed.
const SECRET: &str = "webhook-secret";

/// A request or an answer of the page.
#[derive(Debug)]
struct Message {
    first_line: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

/// A request of the page, and the answer below it.
#[derive(Debug)]
struct Example {
    request: Message,
    answer: Message,
}

impl Message {
    fn parse(block: &'static str) -> Self {
        let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
        let (first_line, headers) = head.split_once('\n').unwrap_or((head, ""));
        Self {
            first_line,
            headers: headers.lines().map(|line| line.split_once(": ").unwrap()).collect(),
            body,
        }
    }

    fn header(&self, name: &str) -> Option<&'static str> {
        let (_, value) = self.headers.iter().find(|(found, _)| *found == name)?;
        Some(*value)
    }

    fn document(&self) -> Value {
        serde_json::from_str(self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Example {
    fn all() -> Vec<Self> {
        let blocks = PROTOCOL.split("\n```http\n").skip(1);
        let mut messages = blocks.map(|block| Message::parse(block.split("\n```").next().unwrap()));
        let mut all = Vec::new();
        while let Some(request) = messages.next() {
            let answer = messages.next().expect("an answer below each request");
            all.push(Self { request, answer });
        }
        all
    }

    fn status(&self) -> u16 {
        self.answer.first_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn is_of_job(&self) -> bool {
        self.request.first_line.contains("/jobs?")
    }

    /// True for a request without a credential, about a project that everybody may read.
    fn is_of_nobody(&self) -> bool {
        let names = ["Authorization", "PRIVATE-TOKEN", "JOB-TOKEN", "Cookie"];
        !self.is_webhook() && names.iter().all(|name| self.request.header(name).is_none())
    }

    fn is_webhook(&self) -> bool {
        self.request.first_line.starts_with("POST")
    }

    /// The value of a parameter in the request's query.
    fn parameter(&self, name: &str) -> Option<String> {
        let (_, rest) = self.request.first_line.split_once('?')?;
        let mut pairs = rest
            .split(' ')
            .next()?
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name)?;
        Some(value.replace("%2F", "/"))
    }

    fn credential(&self) -> Credential {
        let request = &self.request;
        if let Some(value) = request.header("Authorization") {
            return match value.split_once(' ') {
                Some(("Bearer", token)) => Credential::Bearer(token.into()),
                Some(("Basic", text)) => {
                    Credential::basic(std::str::from_utf8(&STANDARD.decode(text).unwrap()).unwrap()).unwrap()
                }
                _ => panic!("{request:?}"),
            };
        }
        let cookie = request
            .header("Cookie")
            .and_then(|cookie| cookie.strip_prefix("session="));
        let cookie = cookie.map(|value| Credential::Cookie(value.into()));
        let private = request
            .header("PRIVATE-TOKEN")
            .map(|token| Credential::PrivateToken(token.into()));
        let job = request
            .header("JOB-TOKEN")
            .map(|token| Credential::JobToken(token.into()));
        private.or(job).or(cookie).unwrap()
    }

    /// A forge that answers as the page says.
    async fn stand_in(&self) -> StandIn {
        let headers = self.answer.headers.iter();
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (status, body) = (self.status(), self.answer.body);
        StandIn::start(move |_| whole(status, &headers, body)).await
    }

    /// Asks the forge of the page for the decision.
    async fn resolve(&self, stand_in: &StandIn) -> Result<Decision, ForgeError> {
        let forge = stand_in.forge(HttpOptions {
            session_cookie: Some("session".into()),
            ..HttpOptions::default()
        });
        let project = self.parameter("project").unwrap();
        forge.resolve(&project.as_str().into(), &self.credential()).await
    }

    /// Asks the forge of the page for the job.
    async fn job(&self, stand_in: &StandIn) -> Result<Option<Job>, ForgeError> {
        let forge = stand_in.forge(HttpOptions {
            service_token: self.credential().token().map(str::to_owned),
            ..HttpOptions::default()
        });
        let project = ProjectId(self.parameter("project").unwrap().parse().unwrap());
        let reference = match (self.parameter("id"), self.parameter("run")) {
            (Some(id), None) => JobRef::Id(id),
            (None, Some(run)) => JobRef::OfRun {
                run,
                job: self.parameter("job"),
            },
            other => panic!("{other:?}"),
        };
        forge.job(project, &reference, None).await
    }

    /// Checks that the adapter has sent the request of the page.
    fn assert_sent(&self, stand_in: &StandIn) {
        let sent = stand_in.requests().pop().unwrap();
        assert_eq!(sent.lines().next(), Some(self.request.first_line));
        for (name, value) in self.request.headers.iter().filter(|(name, _)| *name != "Host") {
            assert_eq!(header(&sent, name), Some(*value), "{name} of {sent}");
        }
    }
}

#[tokio::test]
async fn the_examples_of_callers_are_sent_and_understood() {
    let mut statuses = BTreeSet::new();
    for example in Example::all()
        .iter()
        .filter(|example| !example.is_webhook() && !example.is_of_job() && !example.is_of_nobody())
    {
        let stand_in = example.stand_in().await;
        let decision = example.resolve(&stand_in).await;
        example.assert_sent(&stand_in);
        match (example.status(), decision) {
            (200, Ok(Decision::Known(access))) => {
                let document = example.answer.document();
                assert_eq!(access.actor.login, document["actor"]["login"]);
                assert_eq!(access.job.is_some(), document.get("job").is_some());
            }
            (401, Ok(Decision::Unauthenticated)) | (404, Ok(Decision::ProjectNotFound)) => {}
            (403, Ok(Decision::InsufficientScope { required })) => {
                assert_eq!(required, example.answer.document()["required"]);
            }
            (429, Err(error)) => assert_eq!(error.retry_after, Some(Duration::from_secs(20))),
            other => panic!("{other:?}: {example:?}"),
        }
        statuses.insert(example.status());
    }
    assert_eq!(statuses, BTreeSet::from([200, 401, 403, 404, 429]));
}

#[tokio::test]
async fn the_example_of_a_public_project_is_sent_and_understood() {
    let all = Example::all();
    let examples: Vec<_> = all.iter().filter(|example| example.is_of_nobody()).collect();
    assert_eq!(examples.len(), 1);
    for example in examples {
        let stand_in = example.stand_in().await;
        let forge = stand_in.forge(HttpOptions::default());
        let asked = ProjectRef::from(example.parameter("project").unwrap().as_str());
        let found = forge.public_project(&asked).await.unwrap().unwrap();
        example.assert_sent(&stand_in);
        assert_eq!((found.id.0, found.path.as_str()), (8, "vision/dogs"));
        forge.probe().await.unwrap();
    }
}

#[tokio::test]
async fn only_a_project_that_is_public_is_shown_to_everybody() {
    for visibility in ["private", "internal"] {
        let body = json!({"project": {"id": 8, "path": "vision/dogs", "visibility": visibility}});
        let stand_in = StandIn::start(move |_| whole(200, "", &body.to_string())).await;
        let forge = stand_in.forge(HttpOptions::default());
        assert_eq!(forge.public_project(&ProjectRef::Id(8)).await, Ok(None), "{visibility}");
        assert!(forge.probe().await.is_err());
    }
    for status in [401, 403, 404] {
        let stand_in = StandIn::start(move |_| whole(status, "", "")).await;
        let forge = stand_in.forge(HttpOptions::default());
        assert_eq!(forge.public_project(&ProjectRef::Id(8)).await, Ok(None), "{status}");
    }
}

#[tokio::test]
async fn the_examples_of_jobs_are_sent_and_understood() {
    let mut statuses = BTreeSet::new();
    for example in Example::all().iter().filter(|example| example.is_of_job()) {
        let stand_in = example.stand_in().await;
        let job = example.job(&stand_in).await.unwrap();
        example.assert_sent(&stand_in);
        assert_eq!(job.is_some(), example.status() == 200, "{example:?}");
        statuses.insert(example.status());
    }
    assert_eq!(statuses, BTreeSet::from([200, 404]));
}

#[test]
fn the_examples_of_webhooks_are_signed_and_understood() {
    let all = Example::all();
    let webhooks: Vec<_> = all.iter().filter(|example| example.is_webhook()).collect();
    assert_eq!(webhooks.len(), 2);
    for example in webhooks {
        let fields = example.request.headers.iter();
        let fields = fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let (headers, body) = (HeaderMap::from_iter(fields), example.request.body.as_bytes());
        let address = ForgeAddress {
            url: "http://forge.example.org".into(),
            authorities: None,
        };
        let webhook_secret = Some(SECRET.to_owned());
        let forge = HttpForge::new(HttpOptions {
            address,
            webhook_secret,
            ..HttpOptions::default()
        })
        .unwrap();
        let events = forge
            .events(Webhook {
                headers: &headers,
                body,
            })
            .unwrap();
        assert_eq!(
            events.len(),
            example.request.document()["events"].as_array().unwrap().len()
        );
        assert_eq!(example.status(), 204);
    }
}

#[test]
fn the_documents_of_the_examples_fit_the_schema() {
    for example in Example::all() {
        let (definition, message) = match example.status() {
            204 => ("webhook", &example.request),
            200 if example.is_of_nobody() => ("public_project", &example.answer),
            200 if example.is_of_job() => ("job_answer", &example.answer),
            200 => ("access", &example.answer),
            403 => ("scope_refusal", &example.answer),
            _ => {
                assert_eq!(example.answer.body, "");
                continue;
            }
        };
        assert!(schema::fits(definition, &message.document()), "{message:?}");
    }
}
