//! One connection to one project, the classes of its answers, and functions that read them.

use std::time::Duration;

use anyhow::{Context, anyhow};
use hyper::Method;
use hyper::header::HeaderMap;
use mlforge_bench::client::{Answer, Call, Client, Target};
use serde_json::Value;

use crate::expected::{Number, Pairs, Point};

/// Maximum time of an answer. The server itself ends requests after half of it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Pause before a read is repeated.
const READ_PAUSE: Duration = Duration::from_millis(20);
/// Maximum number of times that a read is repeated.
const READS_MAX: usize = 1_000;
/// Statuses of answers.
const NOT_FOUND: u16 = 404;
const BAD_GATEWAY: u16 = 502;
const UNAVAILABLE: u16 = 503;

/// The reasons for which a request failed or an answer is unexpected.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection broke, as it does when the server is killed.
    Broken(String),
    /// The answer or its contents are wrong.
    Wrong(anyhow::Error),
}

/// The result of a request or a check.
pub(crate) type Result<T> = std::result::Result<T, Trouble>;

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Wrong(error)
    }
}

impl From<Trouble> for anyhow::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Broken(how) => anyhow!("the connection broke: {how}"),
            Trouble::Wrong(error) => error,
        }
    }
}

/// The outcome of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The status is 200.
    Done(Reply),
    /// The status is 4xx: nothing happened.
    Refused(u16, String),
    /// The status is 5xx: the change may have happened or not.
    Failed(u16, String),
    /// The proxy has lost the server: the change may have happened, or may happen until the server is known to be gone.
    Lost,
}

/// The way from a caller to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A connection to the server itself, which breaks when it is killed.
    Straight,
    /// A proxy in front of several servers. It answers 502 for a server that is killed, and may send a request that it has sent
    /// already to another one, unless that is a POST.
    Proxy {
        /// True if the servers share a store of files.
        with_files: bool,
    },
}

/// An answer that is JSON.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// The body.
    pub(crate) json: Value,
    /// All headers.
    pub(crate) headers: HeaderMap,
}

/// A connection that is opened when it is needed.
pub(crate) struct Api {
    /// The project and the caller.
    pub(crate) target: Target,
    way: Way,
    client: Option<Client>,
}

impl Api {
    /// An unopened connection to this project, as this caller.
    pub(crate) fn new(target: Target, way: Way) -> Self {
        Self {
            target,
            way,
            client: None,
        }
    }

    /// True if the requests go through a proxy.
    pub(crate) fn is_proxied(&self) -> bool {
        matches!(self.way, Way::Proxy { .. })
    }

    /// True if files can be changed and read. Without a store that they share, each of several servers has files of its own.
    pub(crate) fn has_files(&self) -> bool {
        self.way != Way::Proxy { with_files: false }
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) async fn send(&mut self, call: Call) -> Result<Answer> {
        let what = format!("{} {}", call.method, call.path);
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(&self.target).await.map_err(broken)?,
        };
        let answer = tokio::time::timeout(ANSWER_TIME_MAX, client.send(call)).await;
        let answer = answer.map_err(|_| anyhow!("{what}: no answer in {ANSWER_TIME_MAX:?}"))?;
        let answer = answer.map_err(broken)?;
        // The server may close the connection after it refused a body that it has not read, just when the next request is sent.
        if answer.status < 400 {
            self.client = Some(client);
        }
        Ok(answer)
    }

    /// Sends a request that may fail.
    pub(crate) async fn try_send(&mut self, call: Call) -> Result<Outcome> {
        let what = format!("{} {}", call.method, call.path);
        // A deletion that the proxy sent twice may be refused, since it was done the first time.
        let is_sent_again = self.is_proxied() && matches!(call.method, Method::PUT | Method::DELETE);
        let answer = self.send(call).await?;
        match answer.status {
            BAD_GATEWAY if self.is_proxied() => Ok(Outcome::Lost),
            NOT_FOUND if is_sent_again => Ok(Outcome::Lost),
            200 => Ok(Outcome::Done(Reply {
                json: json(&what, &answer)?,
                headers: answer.headers,
            })),
            400..500 => Ok(Outcome::Refused(answer.status, format!("{what}: {}", answer.brief()))),
            500..600 => {
                let body = json(&what, &answer)?;
                text(&body, "/error_code")?;
                text(&body, "/message")?;
                Ok(Outcome::Failed(answer.status, format!("{what}: {}", answer.brief())))
            }
            _ => Err(anyhow!("{what}: {}", answer.brief()).into()),
        }
    }

    /// Sends a request that must succeed; returns its JSON. Through a proxy it must be a read, which is repeated when its server
    /// is killed or has no database.
    pub(crate) async fn ask(&mut self, call: Call) -> Result<Value> {
        let what = format!("{} {}", call.method, call.path);
        let answer = self.read(call).await?;
        if answer.status != 200 {
            return Err(anyhow!("{what}: {}", answer.brief()).into());
        }
        json(&what, &answer)
    }

    /// Sends a read, whatever its answer. Through a proxy it is repeated when its server is killed, also in the middle of the answer,
    /// or has no database.
    pub(crate) async fn read(&mut self, call: Call) -> Result<Answer> {
        let mut sent = self.send(call.clone()).await;
        for _ in 0..READS_MAX {
            let is_again = match &sent {
                Ok(answer) => matches!(answer.status, BAD_GATEWAY | UNAVAILABLE),
                Err(trouble) => matches!(trouble, Trouble::Broken(_)),
            };
            if !self.is_proxied() || !is_again {
                break;
            }
            tokio::time::sleep(READ_PAUSE).await;
            sent = self.send(call.clone()).await;
        }
        sent
    }

    /// Sends a request for an object that must not exist.
    pub(crate) async fn miss(&mut self, call: Call) -> Result<()> {
        let what = format!("{} {}", call.method, call.path);
        match self.read(call).await? {
            answer if answer.status == 404 => Ok(()),
            answer => Err(anyhow!("{what} must be 404: {}", answer.brief()).into()),
        }
    }

    /// Reads a list page by page, up to this number of pages.
    pub(crate) async fn ask_pages(
        &mut self,
        list_of: &str,
        pages_max: usize,
        page: impl Fn(&Target, &str) -> Call,
    ) -> Result<Vec<Value>> {
        let (mut all, mut token) = (Vec::new(), String::new());
        for _ in 0..pages_max {
            let mut answer = self.ask(page(&self.target, &token)).await?;
            if let Some(Value::Array(items)) = answer.pointer_mut(list_of).map(Value::take) {
                all.extend(items);
            }
            match answer.pointer("/next_page_token").and_then(Value::as_str) {
                None | Some("") => return Ok(all),
                Some(next) => next.clone_into(&mut token),
            }
        }
        Err(anyhow!("{list_of} has more than {pages_max} pages").into())
    }
}

fn broken(error: anyhow::Error) -> Trouble {
    Trouble::Broken(format!("{error:#}"))
}

fn json(what: &str, answer: &Answer) -> Result<Value> {
    let json = serde_json::from_slice(&answer.body);
    Ok(json.with_context(|| format!("{what} answered something else than JSON: {}", answer.brief()))?)
}

/// A text in an answer.
pub(crate) fn text<'a>(answer: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.with_context(|| format!("there is no text {pointer} in {answer}"))
}

/// A whole number in an answer. It may be written as a text.
pub(crate) fn integer(answer: &Value, pointer: &str) -> anyhow::Result<i64> {
    let number = match answer.pointer(pointer) {
        Some(Value::String(text)) => text.parse().ok(),
        other => other.and_then(Value::as_i64),
    };
    number.with_context(|| format!("there is no whole number {pointer} in {answer}"))
}

/// A list in an answer. A missing list is empty.
pub(crate) fn list<'a>(answer: &'a Value, pointer: &str) -> &'a [Value] {
    answer
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A list of keys with values in an answer.
pub(crate) fn pairs(answer: &Value, pointer: &str) -> anyhow::Result<Pairs> {
    let list = list(answer, pointer);
    let pair = |pair| Ok((text(pair, "/key")?.to_owned(), text(pair, "/value")?.to_owned()));
    let pairs: Pairs = list.iter().map(pair).collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(pairs.len() == list.len(), "a key comes twice in {answer}");
    Ok(pairs)
}

/// A point in an answer.
pub(crate) fn point(metric: &Value) -> anyhow::Result<Point> {
    let value = metric.pointer("/value").and_then(Value::as_f64);
    Ok(Point {
        timestamp: integer(metric, "/timestamp")?,
        step: integer(metric, "/step")?,
        value: Number(value.with_context(|| format!("there is no value in {metric}"))?),
    })
}
