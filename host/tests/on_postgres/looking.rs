//! The commands that look into a database: `mlforge inspect` and `mlforge check`.

use super::*;

/// Waits until no session of mlforge is left: a session ends a moment after its server.
fn all_sessions_ended(database: &str) {
    const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'mlforge'";
    with_client(database, async |client| {
        while client.query_one(SESSIONS, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_database_is_inspected_and_checked_beside_its_server_and_repaired_without_it() {
    let (database, data) = (database("looking"), tempfile::tempdir().unwrap());
    let command = |words: &[&str]| mlforge(words, &data, &database);
    assert!(refusal(command(&["check"])).contains("cannot read postgres"));
    let server = Server::start(serve(&data, &database), None);
    assert_eq!(create_experiment(&server, "cats"), 200);
    let experiments = said(command(&["inspect", "1", "--prefix", "e"]));
    assert!(experiments.contains("name: \"cats\""), "{experiments}");
    assert!(said(command(&["check"])).contains("no problem"));
    assert!(refusal(command(&["check", "--repair"])).contains("stop them first"));
    let token = server.token.clone();
    server.stop();
    drop(server);
    all_sessions_ended(&database);
    with_client(&database, async |client| {
        const REMOVE: &str = "DELETE FROM mlforge.records WHERE project = 1 AND key = 'ncats'::bytea";
        assert_eq!(client.execute(REMOVE, &[]).await.unwrap(), 1);
    });
    let told = command(&["check"]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&told.stdout),
        "project 1: the name of experiment 1 is missing\n"
    );
    let repaired = command(&["check", "--repair"]).output().unwrap();
    assert!(String::from_utf8_lossy(&repaired.stderr).contains("1 problems, 1 repaired"));
    assert!(said(command(&["check"])).contains("no problem"));
    let server = Server::start(serve(&data, &database), Some(token));
    assert_eq!(knows_experiment(&server, "cats"), 200);
}
