//! The log of a command, on standard error. A failure of the log never ends or delays a request.
//!
//! Standard error may be a pipe whose reader has gone, a pipe that is not read, or a file on a full disk. So
//! a separate thread writes the lines and ignores failures. When too many lines wait, further ones are
//! dropped. A later line tells how many are missing.

use std::io::{self, IsTerminal, Write};
use std::mem;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Format, JsonFields};

use self::form::{JsonWithRequestId, WithRequestId, json_format, notice};
pub(super) use self::form::{LogArgs, LogFormat};

mod form;

/// Maximum number of bytes that wait to be written: some 20,000 lines.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// Maximum number of bytes of one write, unless one line has more.
const WRITE_BYTES: usize = 64 << 10;
/// Time for which the thread that writes waits for further lines after the first one. A busy server then writes many lines at
/// once, and its requests need not wake the thread.
const GATHER_TIME: Duration = Duration::from_millis(5);
/// Maximum time for which the end of the process waits for lines to be written.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// The running log. Dropping it waits for the lines so far, at most for `FLUSH_TIME_MAX`.
pub(super) struct Log {
    lines: Lines,
}

/// A writer that hands lines to the log's thread. All clones share one queue.
#[derive(Clone)]
struct Lines {
    sender: Sender<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Line(Vec<u8>),
    /// A request for an answer once all former lines are written.
    Flush(SyncSender<()>),
}

impl Log {
    /// Starts the log. Events that pass the filter `MLFORGE_LOG` are written to standard error, and panics
    /// too.
    pub(super) fn start(log_format: LogFormat) -> anyhow::Result<Self> {
        Self::start_at("info", log_format)
    }

    /// Starts the log with a filter for when `MLFORGE_LOG` gives none.
    pub(super) fn start_at(level: &str, log_format: LogFormat) -> anyhow::Result<Self> {
        let filter = match std::env::var("MLFORGE_LOG") {
            Ok(text) => EnvFilter::try_new(&text).with_context(|| format!("MLFORGE_LOG is `{text}`"))?,
            Err(_) => EnvFilter::new(level),
        };
        let lines = Lines::to(io::stderr(), log_format).context("cannot start a thread for the log")?;
        let has_colours = log_format == LogFormat::Text && io::stderr().is_terminal();
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(lines.clone())
            .with_ansi(has_colours)
            // Otherwise a line that cannot be written is reported with `eprintln`, which panics when standard
            // error fails.
            .log_internal_errors(false);
        match log_format {
            LogFormat::Text => builder
                .event_format(WithRequestId(Format::default().with_ansi(has_colours)))
                .init(),
            LogFormat::Json => builder
                .fmt_fields(JsonFields::new())
                .event_format(JsonWithRequestId(json_format()))
                .init(),
        }
        // The default hook writes to standard error on the thread that panics.
        panic::set_hook(Box::new(|panic| tracing::error!(target: "mlforge::panic", "{panic}")));
        Ok(Self { lines })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.lines.flush(FLUSH_TIME_MAX);
    }
}

impl Lines {
    fn to(output: impl Write + Send + 'static, log_format: LogFormat) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let lines = Self {
            sender,
            waiting_bytes: Arc::default(),
            lost: Arc::default(),
        };
        let writer = Writer {
            output,
            log_format,
            receiver,
            waiting_bytes: Arc::clone(&lines.waiting_bytes),
            lost: Arc::clone(&lines.lost),
        };
        thread::Builder::new()
            .name("mlforge-log".into())
            .spawn(move || writer.run())?;
        Ok(lines)
    }

    fn add(&self, line: &[u8]) {
        let waiting = self.waiting_bytes.fetch_add(line.len(), Ordering::Relaxed);
        if waiting > WAITING_BYTES_MAX || self.sender.send(Message::Line(line.to_vec())).is_err() {
            self.waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self, time: Duration) {
        let (flushed, done) = mpsc::sync_channel(1);
        if self.sender.send(Message::Flush(flushed)).is_ok() {
            // Lines that are not written by then are lost, and nobody can be told.
            _ = done.recv_timeout(time);
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// Takes one line at a time, as `tracing_subscriber` writes them. It never fails.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread that writes.
struct Writer<W> {
    output: W,
    log_format: LogFormat,
    receiver: Receiver<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

impl<W: Write> Writer<W> {
    fn run(mut self) {
        while let Ok(first) = self.receiver.recv() {
            if matches!(first, Message::Line(_)) {
                thread::sleep(GATHER_TIME);
            }
            let (mut text, mut count) = (Vec::new(), 0);
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Line(line) => {
                        text.extend_from_slice(&line);
                        count += 1;
                    }
                    Message::Flush(flushed) => {
                        self.write(&mem::take(&mut text), mem::take(&mut count));
                        // The caller may have stopped waiting.
                        _ = flushed.send(());
                    }
                }
                if text.len() < WRITE_BYTES {
                    next = self.receiver.try_recv().ok();
                }
            }
            self.write(&text, count);
        }
    }

    /// Writes `count` lines. Before them it reports the number of missing lines, if any are.
    fn write(&mut self, text: &[u8], count: u64) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let notice = match lost {
            0 => String::new(),
            lost => notice(lost, self.log_format),
        };
        let written = self.output.write_all(&[notice.as_bytes(), text].concat());
        self.waiting_bytes.fetch_sub(text.len(), Ordering::Relaxed);
        if written.is_err() {
            self.lost.fetch_add(lost.saturating_add(count), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// An output whose writes fail while `is_full` is set.
    #[derive(Clone, Default)]
    struct Disk {
        is_full: Arc<AtomicBool>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_full.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lost_lines_are_counted_with_the_next_written_line() {
        let disk = Disk::default();
        let lines = Lines::to(disk.clone(), LogFormat::Text).unwrap();
        disk.is_full.store(true, Ordering::SeqCst);
        lines.add(b"one\n");
        lines.add(b"two\n");
        lines.flush(LONG);
        disk.is_full.store(false, Ordering::SeqCst);
        lines.add(b"three\n");
        lines.flush(LONG);
        let written = String::from_utf8(disk.written.lock().unwrap().clone()).unwrap();
        assert_eq!(written, "mlforge: 2 lines of the log could not be written\nthree\n");
        assert_eq!(lines.waiting_bytes.load(Ordering::Relaxed), 0);
    }

    /// An output that blocks while its lock is held, and counts the bytes.
    struct Stuck(Arc<Mutex<usize>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            *self.0.lock().unwrap() += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_output_delays_no_caller_and_takes_bounded_memory() {
        let lock = Arc::new(Mutex::new(0));
        let held = lock.lock().unwrap();
        let lines = Lines::to(Stuck(Arc::clone(&lock)), LogFormat::Text).unwrap();
        let line = [b'x'; 1 << 10];
        for _ in 0..10_000 {
            lines.add(&line);
        }
        assert!(lines.waiting_bytes.load(Ordering::Relaxed) <= WAITING_BYTES_MAX + line.len());
        lines.flush(Duration::ZERO);
        drop(held);
        lines.flush(LONG);
        assert_eq!(lines.waiting_bytes.load(Ordering::Relaxed), 0);
        // Beside the lines that waited, there are notices of those that were lost.
        let notices = 1 << 10;
        assert!(*lock.lock().unwrap() <= WAITING_BYTES_MAX + line.len() + notices);
    }
}
