//! TLS to the database. The test server has a certificate of an authority of its own.

use super::*;

/// The address of a database over TLS, with the certificate of an authority.
fn address(test: &str, authority: &str) -> String {
    format!(
        "{}?sslmode=verify-full&sslrootcert={}",
        database(test),
        variable(authority)
    )
}

#[test]
fn all_connections_to_postgres_use_tls_if_the_address_says_so() {
    let address = address("tls", "MLFORGE_TEST_POSTGRES_CA");
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(serve(&data, &address), None);
    assert_eq!(create_experiment(&server, "a"), 200);
    let (plain, _) = address.split_once('?').unwrap();
    let [encrypted, open] = with_client(plain, async |client| {
        let row = client
            .query_one(
                "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl
                JOIN pg_stat_activity USING (pid) WHERE datname = current_database() AND application_name = 'mlforge'",
                &[],
            )
            .await
            .unwrap();
        [0, 1].map(|column| row.get::<_, i64>(column))
    });
    assert!(encrypted > 2 && open == 0, "{encrypted} encrypted, {open} not");
}

#[test]
fn a_postgres_server_with_a_certificate_of_another_authority_is_refused_in_one_line() {
    let data = tempfile::tempdir().unwrap();
    let line = refusal(serve(&data, &address("untrusted", "MLFORGE_TEST_POSTGRES_OTHER_CA")));
    let said = "the certificate of the database is signed by no authority that is trusted here";
    assert!(line.contains(said) && line.contains("sslrootcert"), "{line}");
}

#[test]
fn a_postgres_server_with_a_certificate_for_another_name_is_refused_in_one_line() {
    let data = tempfile::tempdir().unwrap();
    // The certificate is for 127.0.0.1 alone.
    let address = address("renamed", "MLFORGE_TEST_POSTGRES_CA").replace("127.0.0.1", "localhost");
    let line = refusal(serve(&data, &address));
    assert!(
        line.contains("the certificate of the database is for another name"),
        "{line}"
    );
}
