//! nginx in front of several servers, with the rule of `docs/scale.md`. Only addresses and the certificate are replaced.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mlforge_postgres::free_port;

/// The page with the rule, in its only block of this language.
const PAGE: &str = include_str!("../../../docs/scale.md");
/// The program; it is in no folder of a usual user's path.
const NGINX: &str = "/usr/sbin/nginx";
/// Maximum time until it listens.
const START_TIME_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Lines of the rule that are replaced.
const SERVER: &str = "    server 10.0.0.1:5000 max_fails=1 fail_timeout=1s;\n";
const LISTEN: &str = "listen 443 ssl;";

/// A running nginx.
pub(crate) struct Proxy {
    child: Child,
    /// Its scheme, host and port.
    pub(crate) base: String,
}

impl Proxy {
    /// Starts nginx in a directory, in front of the servers on these ports of this machine.
    pub(crate) fn start(dir: &Path, servers: &[u16]) -> Result<Self> {
        let port = free_port()?;
        let config = dir.join("nginx.conf");
        fs::write(&config, whole(dir, &rule(port, servers)?))?;
        let log = fs::File::create(dir.join("nginx.log"))?;
        let mut nginx = Command::new(NGINX);
        nginx.args(["-e", "stderr", "-p"]).arg(dir).arg("-c").arg(&config);
        nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = nginx.spawn().with_context(|| format!("cannot start {NGINX}"))?;
        let mut proxy = Self {
            child,
            base: format!("http://127.0.0.1:{port}"),
        };
        proxy.wait(port)?;
        Ok(proxy)
    }

    fn wait(&mut self, port: u16) -> Result<()> {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            ensure!(self.child.try_wait()?.is_none(), "nginx ended by itself");
            ensure!(started.elapsed() < START_TIME_MAX, "nginx does not listen");
            thread::sleep(LOOK_PAUSE);
        }
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It keeps nothing.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The rule of the page, for these ports of this machine.
fn rule(port: u16, servers: &[u16]) -> Result<String> {
    let block = PAGE
        .split("\n```nginx\n")
        .nth(1)
        .and_then(|rest| rest.split("\n```").next());
    let block = block.context("docs/scale.md has no rule for nginx")?;
    for expected in [SERVER, LISTEN] {
        if !block.contains(expected) {
            bail!("the rule of docs/scale.md has no line `{}`", expected.trim());
        }
    }
    let own = |port: &u16| SERVER.replace("10.0.0.1:5000", &format!("127.0.0.1:{port}"));
    let kept = |line: &&str| !line.contains("server 10.0.0.") && !line.contains("ssl_certificate");
    let servers: String = servers.iter().map(own).collect();
    let lines: Vec<&str> = block.lines().filter(kept).collect();
    let rule = lines.join("\n").replace(LISTEN, &format!("listen 127.0.0.1:{port};"));
    Ok(rule.replacen("{\n", &format!("{{\n{servers}"), 1))
}

/// A configuration with this rule. A client's connection is kept for any number of requests.
fn whole(dir: &Path, rule: &str) -> String {
    let dir = dir.display();
    format!(
        "daemon off;\nmaster_process off;\npid {dir}/nginx.pid;\nevents {{}}\nhttp {{\n\
         access_log off;\nkeepalive_requests 100000000;\nkeepalive_timeout 1h;\n\
         client_body_temp_path {dir}/bodies;\nproxy_temp_path {dir}/answers;\nfastcgi_temp_path {dir}/other;\n\
         uwsgi_temp_path {dir}/other;\nscgi_temp_path {dir}/other;\n{rule}\n}}\n"
    )
}
