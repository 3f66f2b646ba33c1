//! A forge that answers as a test says, on a free port, and records the requests.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::forge::ForgeAddress;
use crate::forge::http::{HttpForge, HttpOptions};

/// A forge under a test's control.
pub(super) struct StandIn {
    /// The URL of the protocol.
    pub(super) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// The answer to a request.
pub(super) enum Reply {
    /// These bytes, and the end of the connection.
    Whole(Vec<u8>),
    /// These bytes, and nothing more while the connection stays open.
    Stalled(&'static str),
}

impl StandIn {
    /// Answers each request with what this function makes of its head.
    pub(super) async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mlforge/authorize", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, recorded) = (Arc::new(answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, recorded) = (Arc::clone(&answer), Arc::clone(&recorded));
                tokio::spawn(async move {
                    let head = head(&mut stream).await;
                    recorded.lock().unwrap().push(head.clone());
                    match answer(&head) {
                        // A client that has read enough leaves.
                        Reply::Whole(bytes) => _ = stream.write_all(&bytes).await,
                        Reply::Stalled(bytes) => {
                            stream.write_all(bytes.as_bytes()).await.unwrap();
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        Self { url, requests }
    }

    /// Answers every request with this status and this document.
    pub(super) async fn answering(status: u16, document: impl ToString) -> Self {
        let document = document.to_string();
        Self::start(move |_| whole(status, "", &document)).await
    }

    /// The adapter for this forge.
    pub(super) fn forge(&self, options: HttpOptions) -> HttpForge {
        let address = ForgeAddress {
            url: self.url.clone(),
            authorities: None,
        };
        HttpForge::new(HttpOptions { address, ..options }).unwrap()
    }

    /// The heads of all requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A whole answer. Each of the further header lines ends with a line break.
pub(super) fn whole(status: u16, headers: &str, body: &str) -> Reply {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    Reply::Whole((head + body).into_bytes())
}

/// The value of a header, by its name in small letters.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let (_, value) = fields.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}
