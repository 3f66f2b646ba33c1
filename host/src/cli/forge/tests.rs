#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn gitea() -> ForgeChoice {
    ForgeChoice::Gitea("https://git.example.org".into())
}

#[test]
fn a_forge_is_local_or_has_a_kind_and_a_url() {
    for text in [
        "local",
        "gogs=http://h",
        "gitlab=https://h/base",
        "http=https://h/mlforge/authorize",
    ] {
        assert_eq!(text.parse::<ForgeChoice>().unwrap().to_string(), text);
    }
    assert_eq!("gitea=https://git.example.org/".parse(), Ok(gitea()));
    assert_eq!("forgejo=https://git.example.org".parse(), Ok(gitea()));
    for bad in [
        "",
        "gitea",
        "gitea=",
        "gitea=ftp://h",
        "local=https://h",
        "svn=https://h",
        "gitea=https://h?x",
    ] {
        assert!(bad.parse::<ForgeChoice>().is_err(), "{bad}");
    }
}

/// The error with which `mlforge serve` refuses these options of the forge.
fn refusal(flags: &str, external_url: Option<&str>) -> String {
    #[derive(clap::Parser)]
    struct Options {
        #[command(flatten)]
        forge: ForgeArgs,
    }
    let flags = ["serve"].into_iter().chain(flags.split_whitespace());
    let options = <Options as clap::Parser>::try_parse_from(flags).unwrap();
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let opened = runtime.block_on(async {
        let place = place(&data);
        let records = OpenRecords::open(&place).await.unwrap();
        options.forge.open(&place, &records, external_url).await
    });
    opened.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn commit_statuses_need_a_forge_that_takes_them_a_token_and_an_address() {
    let url = Some("https://ml.example.org");
    for forge in ["local", "gogs=https://h", "http=https://h/x"] {
        let refusal = refusal(&format!("--commit-statuses --forge {forge}"), url);
        assert_eq!(refusal, format!("--commit-statuses has no use with --forge {forge}"));
    }
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "t0ken").unwrap();
    for forge in ["gitea=https://h", "gitlab=https://h"] {
        let flags = format!("--commit-statuses --forge {forge}");
        assert!(refusal(&flags, url).contains("--forge-token-file"));
        let flags = format!("{flags} --forge-token-file {}", token.path().display());
        assert!(refusal(&flags, None).contains("--external-url"));
        assert_eq!(refusal(&flags, url), "");
    }
}

fn place(data: &tempfile::TempDir) -> Place {
    Place {
        data: data.path().to_owned(),
        database: None,
    }
}

#[test]
fn a_data_directory_belongs_to_one_forge() {
    let data = tempfile::tempdir().unwrap();
    claim(data.path(), &gitea()).unwrap();
    claim(data.path(), &gitea()).unwrap();
    assert!(open_managed(&place(&data)).is_err());
    for other in [ForgeChoice::Local, ForgeChoice::Gogs("https://git.example.org".into())] {
        let refused = claim(data.path(), &other).unwrap_err().to_string();
        assert!(refused.contains("gitea=https://git.example.org"), "{refused}");
    }
    let local = tempfile::tempdir().unwrap();
    claim(local.path(), &ForgeChoice::Local).unwrap();
    open_managed(&place(&local)).unwrap();
    assert!(
        claim(local.path(), &gitea())
            .unwrap_err()
            .to_string()
            .contains("the local forge")
    );
}

#[test]
fn a_secret_is_read_without_its_line_break() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let of = |text: &str| {
        std::fs::write(file.path(), text).unwrap();
        secret(Some(file.path()), "MLFORGE_TEST_UNSET").ok().flatten()
    };
    assert_eq!(of("s3cret\n").as_deref(), Some("s3cret"));
    assert_eq!(of(" \n"), None);
    assert_eq!(secret(None, "MLFORGE_TEST_UNSET").unwrap(), None);
}
