//! The server under test as a process: started on a data directory of its own, stopped with a signal.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// A stopping server is killed after this time.
const STOP_TIME_MAX: Duration = Duration::from_secs(15);

/// A binary with a data directory: it starts the server repeatedly on the same data.
pub struct Launcher {
    binary: PathBuf,
    work: WorkDir,
    log: Option<PathBuf>,
    environment: Vec<(&'static str, OsString)>,
    database: Option<String>,
    files: Option<String>,
    external_url: Option<String>,
    listen: SocketAddr,
}

/// A running server.
pub struct Server {
    child: Child,
    /// As in `MLFLOW_TRACKING_URI`.
    pub url: String,
    /// As in `MLFLOW_TRACKING_TOKEN`. Only the first start shows it.
    pub token: Option<String>,
    /// The time from the start of the process to the second line of its output.
    pub ready_after: Duration,
}

impl Launcher {
    /// Makes the data directory in `work`. Without a file the server's log is dropped.
    pub fn new(binary: &Path, work: WorkDir, log: Option<PathBuf>) -> Result<Self> {
        ensure!(binary.is_file(), "there is no file {}", binary.display());
        Ok(Self {
            binary: binary.to_owned(),
            work,
            log,
            environment: Vec::new(),
            database: None,
            files: None,
            external_url: None,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
        })
    }

    /// Sets an environment variable of servers that are started later.
    pub fn set_variable(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    /// Sets the PostgreSQL database of servers and commands that are started later. `None`: records are in the data directory.
    pub fn set_database(&mut self, address: impl Into<Option<String>>) {
        self.database = address.into();
    }

    /// Sets the S3 location of the files of servers that are started later. `None`: they are in the data directory.
    pub fn set_files(&mut self, location: impl Into<Option<String>>) {
        self.files = location.into();
    }

    /// Sets the address at which clients reach servers that are started later. `None`: the one on which they listen.
    pub fn set_external_url(&mut self, url: impl Into<Option<String>>) {
        self.external_url = url.into();
    }

    /// Sets the port of servers that are started later. 0: a free one.
    pub fn set_port(&mut self, port: u16) {
        self.listen.set_port(port);
    }

    /// Sets the log file of servers that are started later.
    pub fn set_log(&mut self, log: PathBuf) {
        self.log = Some(log);
    }

    /// Keeps all files when the launcher is dropped, so that they can be inspected.
    pub fn keep(&mut self) {
        self.work.keep = true;
    }

    /// The directory that holds the data directory, on the same disk.
    pub fn work_dir(&self) -> &Path {
        &self.work.path
    }

    /// The server's data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.work.path.join("data")
    }

    /// Size of the binary in bytes.
    pub fn binary_bytes(&self) -> Result<u64> {
        Ok(fs::metadata(&self.binary)?.len())
    }

    /// Starts the server and waits for its two lines.
    pub fn start(&self) -> Result<Server> {
        let mut command = self.command("serve");
        command.arg("--listen").arg(self.listen.to_string());
        if let Some(location) = &self.files {
            command.args(["--files", location]);
        }
        if let Some(url) = &self.external_url {
            command.args(["--external-url", url]);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(self.log()?);
        let started = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        let lines = child.stdout.take().map(|stdout| two_lines(BufReader::new(stdout)));
        let ready_after = started.elapsed();
        match lines {
            Some(Ok((url, token))) => Ok(Server {
                child,
                url,
                token,
                ready_after,
            }),
            Some(Err(error)) => {
                // It may have ended by itself.
                _ = child.kill();
                let status = child.wait()?;
                Err(error.context(format!("mlforge did not start ({status}); --server-log FILE shows why")))
            }
            None => bail!("the server has no output"),
        }
    }

    /// Makes a project with one user in this role. Returns the project's number and the user's token.
    pub fn project(&self, path: &str, user: &str, role: &str) -> Result<(String, String)> {
        let number = self.manage(&["project", "create", path])?;
        let token = self.member(&number, user, role)?;
        Ok((number, token))
    }

    /// Makes a user with this role in a project. Returns the user's token.
    pub fn member(&self, project: &str, user: &str, role: &str) -> Result<String> {
        self.manage(&["user", "create", user])?;
        self.manage(&["member", "set", project, user, role])?;
        self.manage(&["token", "create", "--user", user])
    }

    /// Runs a command of mlforge on the data directory, while the server runs. Returns the command's output.
    pub fn manage(&self, args: &[&str]) -> Result<String> {
        let (command, args) = args.split_first().context("no command")?;
        let output = self.command(command).args(args).stdin(Stdio::null()).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "mlforge {command} {args:?}: {errors}");
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self, command: &str) -> Command {
        let mut mlforge = Command::new(&self.binary);
        mlforge.arg(command).arg("--data").arg(self.data_dir());
        if let Some(address) = &self.database {
            mlforge.args(["--database", address]);
        }
        mlforge
    }

    fn log(&self) -> Result<Stdio> {
        let Some(path) = &self.log else {
            return Ok(Stdio::null());
        };
        let file = File::options().create(true).append(true).open(path);
        Ok(file.with_context(|| format!("cannot write {}", path.display()))?.into())
    }
}

impl Server {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if the process has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Kills the process at once, as a crash does, and waits for its end. Fails if it had ended before.
    pub fn kill(mut self) -> Result<()> {
        let ended = self.ended()?;
        ensure!(ended.is_none(), "mlforge ended by itself: {ended:?}");
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops the server and waits for its end. Returns the time that this took.
    pub fn stop(mut self) -> Result<Duration> {
        let started = Instant::now();
        let pid = self.pid();
        signal(pid, "TERM")?;
        let (stopped, stops) = mpsc::channel::<()>();
        let guard = thread::spawn(move || {
            if stops.recv_timeout(STOP_TIME_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
                _ = signal(pid, "KILL");
            }
        });
        let status = self.child.wait()?;
        let time = started.elapsed();
        drop(stopped);
        _ = guard.join();
        ensure!(status.success(), "mlforge ended with {status}");
        Ok(time)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` the process has ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A directory that is removed when it is dropped.
pub struct WorkDir {
    path: PathBuf,
    keep: bool,
}

impl WorkDir {
    /// Makes an empty directory below `parent`, whose name begins with `name`.
    pub fn make(parent: &Path, name: &str) -> Result<Self> {
        let path = parent.join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(parent)
            .and_then(|()| fs::create_dir(&path))
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, keep: false })
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

fn two_lines(output: impl BufRead) -> Result<(String, Option<String>)> {
    let mut lines = output.lines();
    let mut line = || lines.next().transpose()?.context("its output ended early");
    let url = line()?;
    let url = url
        .strip_prefix("export MLFLOW_TRACKING_URI=")
        .with_context(|| format!("it printed {url:?}"))?;
    let second = line()?;
    Ok((
        url.to_owned(),
        second.strip_prefix("export MLFLOW_TRACKING_TOKEN=").map(str::to_owned),
    ))
}

fn signal(pid: u32, name: &str) -> Result<()> {
    // The shell has `kill` built in; the system call itself would be unsafe code.
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()])
        .status()?;
    ensure!(status.success(), "cannot send SIG{name} to the server");
    Ok(())
}
