//! A connection that is cut between the database's commit and its answer.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A proxy in front of the server. Once it is armed, it swallows the answer to the next commit of a group, and cuts the
/// connection.
async fn proxy(armed: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = server().rsplit_once('@').unwrap().1.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let upstream = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(forward(client, upstream, Arc::clone(&armed)));
        }
    });
    address
}

async fn forward(mut client: TcpStream, mut server: TcpStream, armed: Arc<AtomicBool>) {
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut cuts = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let commits = up[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
                cuts |= commits && armed.swap(false, Ordering::SeqCst);
                if server.write_all(&up[..count]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                let committed = down[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
                if cuts && committed {
                    return;
                }
                if !cuts && client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_happens_once_and_succeeds() {
    let database = Database::new().await;
    let armed = Arc::new(AtomicBool::new(false));
    let address = proxy(Arc::clone(&armed)).await;
    let address = format!("postgres://postgres@{address}/{}", database.name)
        .parse()
        .unwrap();
    let store = PostgresRecords::open(&address).await.unwrap();
    write(&store, [put("count", "0")]).await;
    for round in 1..=3 {
        armed.store(true, Ordering::SeqCst);
        let (version, _) = get(&store, "count").await;
        let once = format!("once/{round}");
        let checks = vec![check("count", version), check(&once, 0)];
        // Tried a second time, it would find that its own record exists.
        let done = store
            .commit(
                PROJECT,
                commit(checks, vec![put("count", round.to_string()), put(&once, "")]),
            )
            .await;
        assert!(done.is_ok() && !armed.load(Ordering::SeqCst), "{done:?}");
        armed.store(true, Ordering::SeqCst);
        let outdated = store
            .commit(
                PROJECT,
                commit(vec![check("count", 0), check("x", 1)], vec![put("x", "")]),
            )
            .await;
        assert!(matches!(outdated, Err(CommitError::Conflict(key)) if key == b"count"));
        assert!(!armed.load(Ordering::SeqCst));
    }
    assert_eq!(get(&store, "count").await.1, b"3");
}
