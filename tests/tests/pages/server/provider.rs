//! A stand-in for the forge's sign-in of applications: it gives tokens for a code, and new ones for a refresh token.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The stand-in, and the forms that it got.
pub(super) struct Provider {
    pub(super) url: String,
    pub(super) forms: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let forms = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&forms);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let form = form(&mut stream).await;
                let (status, body) = answer(&form);
                seen.lock().unwrap().push(form);
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                // A client that has gone needs no answer.
                _ = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { url, forms }
    }
}

/// A code and a refresh token are good for one answer each: a test removes them from the forge.
fn answer(form: &str) -> (&'static str, String) {
    let tokens = |access: &str, refresh: &str| {
        format!(r#"{{"access_token":"{access}","refresh_token":"{refresh}","expires_in":7200,"token_type":"Bearer"}}"#)
    };
    if form.contains("grant_type=authorization_code") && form.contains("code=agreed") {
        ("200 OK", tokens("good", "refresh-1"))
    } else if form.contains("refresh_token=refresh-1") {
        ("200 OK", tokens("better", "refresh-2"))
    } else {
        ("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned())
    }
}

async fn form(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return body.to_owned();
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}
