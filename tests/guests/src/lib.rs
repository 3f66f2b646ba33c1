//! A component that misbehaves on demand, as the path of the request says. The host's tests load it in place
//! of the real one.

mod bindings;

use std::sync::atomic::{AtomicU32, Ordering};

use bindings::exports::wasi::http::handler::Guest;
use bindings::mlforge::plugin::records::{CommitError, Error as RecordsError, Write};
use bindings::mlforge::plugin::{blobs, forge, records, report};
use bindings::wasi::clocks::system_clock;
use bindings::wasi::http::types::{ErrorCode, Fields, Method, Request, Response};
use bindings::wasi::random::random;
use bindings::{wit_future, wit_stream};

/// Number of requests that this instance has answered.
static COUNT: AtomicU32 = AtomicU32::new(0);
const BLOB_BYTES_MAX: u64 = 1 << 30;

struct TestGuest;

impl Guest for TestGuest {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
        let target = request.get_path_with_query().unwrap_or_default();
        match target.split('?').next().unwrap_or_default() {
            // The second path ends like that of a search.
            "/count" | "/count/search" => Ok(text(count.to_string())),
            "/echo" => echo(request, &target).await,
            "/hello" => Ok(text("hello")),
            "/clock" => Ok(text(system_clock::now().seconds.to_string())),
            "/random" => Ok(text(format!("{:?}", random::get_random_bytes(8)))),
            "/write" => Ok(text(write().await)),
            "/read" => Ok(text(read().await)),
            "/stage" => Ok(text(stage(request).await)),
            "/blob" => blob().await,
            "/list" => Ok(text(list().await)),
            "/announce" => Ok(text(forge::announce_ended_run().to_string())),
            "/status" => Ok(text(set_commit_status().await)),
            "/late" => Ok(late()),
            "/headers" => Ok(with_headers()),
            "/fault" => {
                report::fault(&"long ".repeat(2000));
                Ok(text("reported"))
            }
            misbehaviour => misbehave(misbehaviour).await,
        }
    }
}

async fn misbehave(how: &str) -> Result<Response, ErrorCode> {
    match how {
        "/spin" => loop {
            std::hint::black_box(());
        },
        "/trap" => std::process::abort(),
        "/eat" => {
            let mut eaten = Vec::new();
            loop {
                eaten.push(vec![1_u8; 1 << 20]);
            }
        }
        "/grow" => Ok(text(std::hint::black_box(vec![1_u8; 16 << 20]).len().to_string())),
        "/hang" => hang().await,
        "/grow-and-hang" => {
            let grown = std::hint::black_box(vec![1_u8; 16 << 20]);
            let came_back = hang().await;
            drop(grown);
            came_back
        }
        "/flood" => Ok(flood()),
        "/refuse" => Err(ErrorCode::InternalError(Some("secret inside".into()))),
        _ => Err(ErrorCode::HttpRequestUriInvalid),
    }
}

/// Waits for data that nobody sends.
async fn hang() -> Result<Response, ErrorCode> {
    let (writer, mut reader) = wit_stream::new::<u8>();
    _ = reader.next().await;
    drop(writer);
    Ok(text("came back"))
}

fn flood() -> Response {
    let (mut writer, contents) = wit_stream::new::<u8>();
    wit_bindgen::spawn_local(async move {
        let mut piece = vec![b'x'; 1 << 20];
        loop {
            if !writer.write_all(piece).await.is_empty() {
                return;
            }
            piece = vec![b'x'; 1 << 20];
        }
    });
    respond(Fields::new(), contents)
}

/// Answers first and writes afterwards.
fn late() -> Response {
    wit_bindgen::spawn_local(async {
        write().await;
    });
    text("will write")
}

async fn write() -> String {
    match records::commit(vec![], vec![Write::Put((b"key".to_vec(), b"value".to_vec()))]).await {
        Ok(()) => "written".into(),
        Err(CommitError::Failed(RecordsError::Denied)) => "denied".into(),
        Err(other) => format!("{other:?}"),
    }
}

async fn read() -> String {
    match records::get(vec![b"key".to_vec()]).await {
        Ok(values) => format!("{} {}", values.versions.len(), String::from_utf8_lossy(&values.bytes)),
        Err(error) => format!("{error:?}"),
    }
}

async fn stage(request: Request) -> String {
    let (_done, result) = wit_future::new(|| Ok(()));
    let (contents, trailers) = Request::consume_body(request, result);
    let staged = match blobs::stage(contents, BLOB_BYTES_MAX).await {
        Ok(staged) => staged,
        Err(blobs::Error::Denied) => return "denied".into(),
        Err(error) => return format!("{error:?}"),
    };
    if let Err(error) = trailers.await {
        return format!("{error:?}");
    }
    let size = staged.size();
    match blobs::commit(staged, "dir/blob".into()).await {
        Ok(()) => format!("staged {size}"),
        Err(error) => format!("{error:?}"),
    }
}

async fn blob() -> Result<Response, ErrorCode> {
    match blobs::read("dir/blob".into(), 1, u64::MAX).await {
        Ok(Some(contents)) => Ok(respond(Fields::new(), contents)),
        Ok(None) => Ok(text("no blob")),
        Err(error) => Ok(text(format!("{error:?}"))),
    }
}

/// Tries to set a commit status within a request.
async fn set_commit_status() -> String {
    let ended = forge::EndedRun {
        id: "0".repeat(32),
        name: "run".into(),
        experiment: "experiment".into(),
        end: forge::RunEnd::Finished,
        commit: "c".repeat(40),
    };
    match forge::set_commit_status(ended).await {
        Err(forge::Error::Denied) => "denied".into(),
        other => format!("{other:?}"),
    }
}

async fn list() -> String {
    format!(
        "{:?} {:?}",
        blobs::list(String::new(), None, 10).await,
        blobs::list(String::new(), None, 0).await
    )
}

/// Returns the request as text: target, headers in order, body.
async fn echo(request: Request, target: &str) -> Result<Response, ErrorCode> {
    let method = match request.get_method() {
        Method::Get => "GET",
        Method::Post => "POST",
        _ => "other",
    };
    let mut headers = request.get_headers().copy_all();
    headers.sort();
    let (_done, result) = wit_future::new(|| Ok(()));
    let (contents, _trailers) = Request::consume_body(request, result);
    let body = contents.collect().await;
    let mut said = format!("{method} {target}\n");
    for (name, value) in headers {
        said += &format!("{name}: {}\n", String::from_utf8_lossy(&value));
    }
    let mut said = said.into_bytes();
    said.push(b'\n');
    said.extend(body);
    Ok(text(said))
}

/// Answers with headers that a host must not forward, and some that it must.
fn with_headers() -> Response {
    let pairs = [
        ("content-type", "text/x-test"),
        ("set-cookie", "a=b"),
        ("server", "guest"),
        ("etag", "\"1\""),
    ];
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let (_, contents) = wit_stream::new::<u8>();
    respond(Fields::from_list(&pairs).unwrap_or_else(|_| Fields::new()), contents)
}

fn text(body: impl Into<Vec<u8>>) -> Response {
    let body = body.into();
    let (mut writer, contents) = wit_stream::new::<u8>();
    wit_bindgen::spawn_local(async move {
        writer.write_all(body).await;
    });
    respond(Fields::new(), contents)
}

fn respond(headers: Fields, contents: wit_bindgen::StreamReader<u8>) -> Response {
    let (sent, trailers) = wit_future::new(|| Ok(None));
    drop(sent);
    Response::new(headers, Some(contents), trailers).0
}
