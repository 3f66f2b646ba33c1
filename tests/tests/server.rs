//! The host behind a socket: connections, slow clients, and shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mlforge::Limits;
use mlforge_tests::{GuestHost, StaticForge};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A host that serves on its own port.
struct Served {
    address: SocketAddr,
    forge: Arc<StaticForge>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<anyhow::Result<()>>,
}

impl Served {
    async fn with(limits: Limits) -> Self {
        let GuestHost { host, forge } = GuestHost::limited(limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move { host.serve(listener, async { _ = stopped.await }).await });
        Self {
            address,
            forge,
            stop: Some(stop),
            server,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends text on a connection of its own and reads until the host closes it.
    async fn talk(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        read_all(&mut stream).await
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends the connection as well.
    _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn get(path: &str) -> String {
    format!(
        "GET /api/v4/projects/1/ml/mlflow{path} HTTP/1.1\r\nhost: x\r\nprivate-token: developer\r\nconnection: close\r\n\r\n"
    )
}

#[tokio::test]
async fn health_is_served() {
    let served = Served::with(Limits::default()).await;
    let answer = served
        .talk("GET /-/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nOK"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_component_is_served() {
    let served = Served::with(Limits::default()).await;
    let answer = served.talk(&get("/hello")).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"),
        "{answer}"
    );
    assert!(answer.contains("content-length: 5\r\n"), "{answer}");
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let served = Served::with(Limits::default()).await;
    let once = get("/hello").replace("connection: close\r\n", "");
    let answer = served.talk(&format!("{once}{}", get("/hello"))).await;
    assert_eq!(answer.matches("hello").count(), 2, "{answer}");
}

#[tokio::test]
async fn a_running_request_finishes_before_the_host_ends() {
    let mut served = Served::with(Limits {
        request_timeout: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let mut stream = served.connect().await;
    stream.write_all(get("/hang").as_bytes()).await.unwrap();
    // The first byte of another answer: by then the server has read the request above, too.
    served.talk(&get("/hello")).await;
    served.stop();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 504 "));
    served.server.await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn the_server_stops_after_the_shutdown_timeout() {
    let mut served = Served::with(Limits {
        shutdown_timeout: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let mut stream = served.connect().await;
    stream.write_all(get("/hang").as_bytes()).await.unwrap();
    served.talk(&get("/hello")).await;
    served.stop();
    served.server.await.unwrap().unwrap();
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_slow_head_is_cut() {
    let served = Served::with(Limits {
        header_read_timeout: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let began = Instant::now();
    served.talk("GET /-/health HTTP/1.1\r\nhost:").await;
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let served = Served::with(Limits {
        header_read_timeout: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let began = Instant::now();
    let answer = served.talk("GET /-/health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.ends_with("OK"), "{answer}");
    served.talk("").await;
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_stalled_body_is_refused() {
    let served = Served::with(Limits {
        body_idle_timeout: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let head = get("/echo")
        .replace("GET", "POST")
        .replace("\r\n\r\n", "\r\ncontent-length: 10\r\n\r\n");
    let answer = served.talk(&format!("{head}12345")).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("DEADLINE_EXCEEDED"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let served = Served::with(Limits::default()).await;
    let answer = served
        .talk(&format!("GET /-/health HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(70_000)))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_refused_client_receives_the_answer_even_with_a_large_body() {
    let served = Served::with(Limits {
        body_bytes_max: 2 << 20,
        ..Limits::default()
    })
    .await;
    let head = "POST /api/v4/projects/1/ml/mlflow/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1048576\r\n\r\n";
    let answer = served.talk(&format!("{head}{}", "x".repeat(1 << 20))).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn a_disconnected_client_releases_its_permit() {
    let served = Served::with(Limits {
        concurrent_requests_max: 1,
        queued_requests_max: 0,
        ..Limits::default()
    })
    .await;
    let mut stream = served.connect().await;
    stream
        .write_all(get("/hang").replace("connection: close\r\n", "").as_bytes())
        .await
        .unwrap();
    while !served.talk(&get("/hello")).await.contains("503") {}
    drop(stream);
    while !served.talk(&get("/hello")).await.contains("200 OK") {}
}

fn three_connections() -> Limits {
    Limits {
        connections_max: 3,
        project_percent_max: 100,
        caller_percent_max: 100,
        ..Limits::default()
    }
}

#[tokio::test]
async fn idle_connections_do_not_keep_new_clients_out() {
    let served = Served::with(three_connections()).await;
    let mut strangers = Vec::new();
    for _ in 0..10 {
        strangers.push(served.connect().await);
        assert!(served.talk(&get("/hello")).await.contains("200 OK"));
    }
    // The oldest one was closed.
    assert_eq!(read_all(&mut strangers[0]).await, "");
}

#[tokio::test]
async fn authenticated_connections_are_kept_when_strangers_connect() {
    let served = Served::with(three_connections()).await;
    let once = get("/hello").replace("connection: close\r\n", "");
    let mut known = served.connect().await;
    for _ in 0..5 {
        known.write_all(once.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4];
        while !answer.ends_with(b"\r\n\r\nhello") {
            answer.push(known.read_u8().await.expect("an open connection"));
        }
        let refused = get("/hello").replace("developer", "nobody");
        assert!(served.talk(&refused).await.contains("401"));
        let mut strangers = Vec::new();
        for _ in 0..5 {
            strangers.push(served.connect().await);
        }
    }
}

#[tokio::test]
async fn a_running_request_is_not_cut_for_a_new_connection() {
    let served = Served::with(Limits {
        connections_max: 1,
        request_timeout: Duration::from_millis(300),
        ..three_connections()
    })
    .await;
    let mut holder = served.connect().await;
    let hang = get("/hang").replace("connection: close\r\n", "");
    holder.write_all(hang.as_bytes()).await.unwrap();
    while served.forge.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let question = get("/hello");
    let (mut first, newcomer) = (vec![0; 12], served.talk(&question));
    let (_, answer) = tokio::join!(holder.read_exact(&mut first), newcomer);
    assert_eq!(first, b"HTTP/1.1 504");
    assert!(answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn the_first_request_of_a_connection_has_a_shorter_timeout() {
    let served = Served::with(Limits {
        first_header_read_timeout: Duration::from_millis(100),
        header_read_timeout: Duration::from_secs(3_600),
        ..Limits::default()
    })
    .await;
    let mut known = served.connect().await;
    let once = get("/hello").replace("connection: close\r\n", "");
    known.write_all(once.as_bytes()).await.unwrap();
    // This answer ends after the timeout of a first request.
    served.talk("GET /-/health HTTP/1.1\r\nhost:").await;
    known.write_all(get("/hello").as_bytes()).await.unwrap();
    assert_eq!(read_all(&mut known).await.matches("hello").count(), 2);
}

#[tokio::test]
async fn an_answer_counts_in_the_body_budget_until_it_is_sent() {
    let served = Served::with(Limits {
        small_body_bytes_max: 40 << 20,
        body_bytes_max: 40 << 20,
        answer_bytes_max: 40 << 20,
        bodies_bytes_max: 80 << 20,
        project_percent_max: 100,
        caller_percent_max: 100,
        ..Limits::default()
    })
    .await;
    // More than the buffers of two sockets hold.
    let body = "x".repeat(30 << 20);
    let head = get("/echo")
        .replace("GET", "POST")
        .replace("\r\n\r\n", &format!("\r\ncontent-length: {}\r\n\r\n", body.len()));
    let mut reader = served.connect().await;
    reader.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut first = [0; 15];
    reader.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    // Most of its answer is still in memory, and the next request and its answer take 60 MB more.
    let refused = served.talk(&format!("{head}{body}")).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused:.200}");
    assert!(read_all(&mut reader).await.len() > body.len());
    let smaller = served.talk(&get("/hello")).await;
    assert!(smaller.contains("200 OK"), "{smaller}");
}

#[tokio::test]
async fn a_client_that_reads_an_answer_too_slowly_is_cut() {
    let served = Served::with(Limits {
        small_body_bytes_max: 64 << 20,
        body_bytes_max: 64 << 20,
        write_idle_timeout: Duration::from_secs(1),
        body_rate_min: 10 << 30,
        ..Limits::default()
    })
    .await;
    let body = "x".repeat(60 << 20);
    let head = get("/echo")
        .replace("GET", "POST")
        .replace("\r\n\r\n", &format!("\r\ncontent-length: {}\r\n\r\n", body.len()));
    let mut stream = served.connect().await;
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let (mut taken, mut piece) = (0, vec![0; 64 << 10]);
    // The client never pauses for long, but reads slower than the minimum rate.
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        taken += count;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(taken < body.len(), "{taken}");
}
