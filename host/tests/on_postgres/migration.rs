//! `mlforge migrate`.

use std::path::Path;
use std::process::Stdio;

use mlforge::storage::postgres::PostgresRecords;
use tempfile::TempDir;

use super::*;

/// Two projects in a data directory, each with an experiment, and the token of a member of both.
struct Source {
    data: TempDir,
    token: String,
}

fn on_directory(words: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.args(words).arg("--data").arg(data);
    command.env("MLFORGE_LOG", "off").env_remove("PGPASSWORD");
    command
}

fn migrate(from: &Path, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.arg("migrate").arg("--from").arg(from).args(["--to", database]);
    command.env("MLFORGE_LOG", "off").env_remove("PGPASSWORD");
    command
}

impl Source {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut server = Server::start(on_directory(&["serve", "--listen", "127.0.0.1:0"], data.path()), None);
        said(on_directory(&["project", "create", "team/model"], data.path()));
        said(on_directory(&["user", "create", "ada"], data.path()));
        for project in ["demo/demo", "team/model"] {
            said(on_directory(
                &["member", "set", project, "ada", "developer"],
                data.path(),
            ));
        }
        let token = said(on_directory(&["token", "create", "--user", "ada"], data.path()));
        server.token = token.trim().to_owned();
        for project in [1, 2] {
            let body = format!("{{\"name\": \"of {project}\"}}");
            let (status, _) = server.ask_project(project, "POST", "experiments/create", body.as_bytes());
            assert_eq!(status, 200);
        }
        let token = server.token.clone();
        server.stop();
        Self { data, token }
    }

    fn list(&self, words: &[&str]) -> String {
        said(on_directory(words, self.data.path()))
    }
}

fn has_experiments(server: &Server) -> [u16; 2] {
    [1, 2].map(|project| {
        let path = format!("experiments/get-by-name?experiment_name=of%20{project}");
        server.ask_project(project, "GET", &path, b"").0
    })
}

#[test]
fn a_data_directory_is_moved_to_postgres_with_its_users_and_tokens() {
    let (source, database) = (Source::new(), database("migrated"));
    let said_first = said(migrate(source.data.path(), &database));
    assert!(said_first.contains("records of 2 projects"), "{said_first}");
    assert!(said_first.contains("no files: they stay in"), "{said_first}");
    let server = Server::start(serve(&source.data, &database), Some(source.token.clone()));
    assert_eq!(has_experiments(&server), [200, 200]);
    for list in [["user", "list"], ["project", "list"]] {
        assert_eq!(said(mlforge(&list, &source.data, &database)), source.list(&list));
    }
    // Numbers go on where the directory's ended.
    assert_eq!(
        said(mlforge(&["user", "create", "eve"], &source.data, &database)),
        "3\n"
    );
    assert_eq!(
        said(mlforge(&["project", "create", "x/y"], &source.data, &database)),
        "3\n"
    );
    let line = refusal(migrate(source.data.path(), &database));
    assert!(line.contains("in use already"), "{line}");
}

#[test]
fn a_migration_to_postgres_that_is_killed_is_continued_by_the_next() {
    let (source, other, database) = (Source::new(), Source::new(), database("resumed"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(PostgresRecords::open(&database.parse().unwrap()))
        .unwrap();
    with_client(&database, async |client| {
        // The commit of the second project waits for this transaction.
        let lock = client.transaction().await.unwrap();
        lock.batch_execute("INSERT INTO mlforge.heads (project, seq) VALUES (2, 1)")
            .await
            .unwrap();
        let mut killed = migrate(source.data.path(), &database)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
        let fresh = "SELECT pg_stat_clear_snapshot()";
        while lock.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(
                killed.try_wait().unwrap().is_none(),
                "it ended before its second project"
            );
            lock.batch_execute(fresh).await.unwrap();
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
        let copied =
            "SELECT count(*) FILTER (WHERE project = 1), count(*) FILTER (WHERE project = 2) FROM mlforge.records";
        let row = lock.query_one(copied, &[]).await.unwrap();
        assert!(row.get::<_, i64>(0) > 0 && row.get::<_, i64>(1) == 0);
        lock.rollback().await.unwrap();
    });
    let line = refusal(serve(&source.data, &database));
    assert!(line.contains("a part of a data directory"), "{line}");
    let line = refusal(migrate(other.data.path(), &database));
    assert!(line.contains("a part of another data directory"), "{line}");
    said(migrate(source.data.path(), &database));
    let server = Server::start(serve(&source.data, &database), Some(source.token.clone()));
    assert_eq!(has_experiments(&server), [200, 200]);
}

#[test]
fn a_directory_whose_server_runs_is_not_moved_to_postgres() {
    let (data, database) = (tempfile::tempdir().unwrap(), database("running"));
    let _server = Server::start(on_directory(&["serve", "--listen", "127.0.0.1:0"], data.path()), None);
    let line = refusal(migrate(data.path(), &database));
    assert!(line.contains("stop the server"), "{line}");
    let line = refusal(migrate(&data.path().join("absent"), &database));
    assert!(line.contains("there is no data directory"), "{line}");
}
