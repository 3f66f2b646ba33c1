//! `mlforge manual`: man pages and shell completions, made from the definition of the command line. A package holds its output.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

/// The shells that get completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes man pages into `man/` and completions into `completions/` of a directory, which is made when absent.
pub(super) fn write(dir: &Path) -> anyhow::Result<()> {
    let (man, completions) = (dir.join("man"), dir.join("completions"));
    for dir in [&man, &completions] {
        fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    }
    let mut command = Cli::command();
    for shell in SHELLS {
        let written = clap_complete::generate_to(shell, &mut command, "mlforge", &completions);
        written.with_context(|| format!("cannot write completions into {}", completions.display()))?;
    }
    clap_mangen::generate_to(command, &man).with_context(|| format!("cannot write man pages into {}", man.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shown_command_has_a_man_page_and_every_shell_its_flags() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path()).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        for command in Cli::command().get_subcommands() {
            let page = dir.path().join(format!("man/mlforge-{}.1", command.get_name()));
            assert_eq!(page.exists(), !command.is_hide_set(), "{}", page.display());
        }
        assert!(read("man/mlforge-serve.1").contains("max\\-file\\-size"));
        assert!(dir.path().join("man/mlforge-token-create.1").exists());
        for completions in ["mlforge.bash", "_mlforge", "mlforge.fish"] {
            let text = read(&format!("completions/{completions}"));
            assert!(text.contains("max-file-size"), "{completions}");
        }
    }
}
