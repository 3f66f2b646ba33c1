//! Compiling the component in a process of its own, which takes its memory along when it ends. A server would keep 70 MiB of
//! it for good: an allocator rarely gives back what several threads took in small pieces.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use mlforge::{Limits, Plugin};
use sha2::{Digest, Sha256};

/// Lies beside what was compiled, and tells of which component.
const MARK: &str = "compiled";

/// Where the compiled component is kept.
pub(super) fn cache(data: &Path) -> PathBuf {
    data.join("cache")
}

/// The component that the user names, else the one that this binary carries.
pub(super) fn component(plugin: Option<&Path>) -> anyhow::Result<Cow<'static, [u8]>> {
    match plugin {
        Some(file) => Ok(Cow::Owned(
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
        )),
        None => Ok(Cow::Borrowed(mlforge_component::COMPONENT)),
    }
}

/// Sees to it that the component is compiled, as far as can be told without trying. Where that fails, whoever wants to use
/// the component has to compile it, and learns why it cannot be.
pub(super) fn ahead(data: &Path, plugin: Option<&Path>, component: &[u8]) {
    let is_marked = fs::read_to_string(cache(data).join(MARK)).is_ok_and(|found| found == mark(component));
    if is_marked {
        return;
    }
    if let Err(error) = compile_apart(data, plugin) {
        tracing::debug!(
            reason = format!("{error:#}"),
            "the server has to compile the component itself"
        );
    }
}

/// What the other process does.
pub(super) fn compile(data: &Path, plugin: Option<&Path>) -> anyhow::Result<()> {
    let component = component(plugin)?;
    let cache = cache(data);
    // The limits of a server do not change what is compiled.
    Plugin::compile(&component, Some(&cache), &Limits::default())?;
    fs::write(cache.join(MARK), mark(&component)).context("cannot mark the component as compiled")
}

fn compile_apart(data: &Path, plugin: Option<&Path>) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("compile").arg("--data").arg(data);
    if let Some(plugin) = plugin {
        command.arg("--plugin").arg(plugin);
    }
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = quiet.status()?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

/// Another version may compile the same otherwise.
fn mark(component: &[u8]) -> String {
    let hash = Sha256::digest(component);
    format!("{} {hash:x}\n", env!("CARGO_PKG_VERSION"))
}
