#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

/// The message about wrong arguments.
fn complaint(line: &str) -> String {
    first_paragraph(&parse(line).unwrap_err())
}

#[test]
fn definition_passes_the_checks_of_clap() {
    Cli::command().debug_assert();
}

#[test]
fn data_may_stand_before_and_after_the_command() {
    for line in [
        "mlforge --data d project list",
        "mlforge project --data d list",
        "mlforge project list --data d",
    ] {
        assert_eq!(parse(line).unwrap().place.data, Path::new("d"), "{line}");
    }
    assert_eq!(parse("mlforge serve").unwrap().place.data, Path::new("./mlforge-data"));
}

#[test]
fn serve_listens_on_loopback_keeps_an_audit_log_and_sets_no_commit_status_by_default() {
    let Command::Serve(serve) = parse("mlforge serve").unwrap().command else {
        panic!()
    };
    assert_eq!(serve.listen.to_string(), "127.0.0.1:5000");
    assert_eq!((serve.audit_days, serve.trusted_proxy.len()), (365, 0));
    assert!(!serve.forge.commit_statuses);
}

#[test]
fn complaint_names_the_wrong_argument() {
    for (line, says) in [
        ("mlforge", "subcommand"),
        ("mlforge project", "subcommand"),
        ("mlforge fly", "'fly'"),
        ("mlforge serve --fast", "'--fast'"),
        ("mlforge serve --listen here", "'here'"),
        ("mlforge project create", "<PATH>"),
        ("mlforge token create", "--user <NAME>"),
        ("mlforge token create --user a --expires tomorrow", "YYYY-MM-DD"),
        (
            "mlforge member set p u boss",
            "`boss` is no role: guest, reporter, developer, maintainer, owner",
        ),
        ("mlforge serve --external-url ml.example.org", "https://host"),
        ("mlforge serve --purge-after 0", "'0'"),
        ("mlforge serve --audit-days -1", "'-1'"),
        ("mlforge serve --trusted-proxy proxy", "'proxy'"),
        ("mlforge purge", "--older-than <DAYS>"),
        ("mlforge purge --older-than -1", "'-1'"),
        ("mlforge serve --files models", "s3://bucket[/prefix]"),
        ("mlforge serve --s3-region eu-1", "--files"),
    ] {
        let complaint = complaint(line);
        assert!(
            complaint.contains(says) && !complaint.contains("Usage"),
            "{line}: {complaint}"
        );
    }
}

#[test]
fn external_url_is_a_base() {
    assert_eq!(
        parse_base_url("https://ml.example.org/x/").unwrap(),
        "https://ml.example.org/x"
    );
    for bad in [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        "https://a?b=c",
        "https://a b",
    ] {
        assert!(parse_base_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn commands_on_a_data_directory_refuse_a_database() {
    for line in ["mlforge backup d", "mlforge restore d"] {
        let cli = parse(&format!("{line} --database postgres://me@127.0.0.1:1/x")).unwrap();
        let error = execute(&cli).unwrap_err().to_string();
        assert!(error.contains("not with --database"), "{line}: {error}");
    }
}
