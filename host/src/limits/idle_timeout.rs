//! The idle timeout of a file transfer. A transfer may take long, as long as bytes are sent or received.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The time of the last byte. Cheap to clone; all clones share one state.
#[derive(Clone, Debug)]
pub(crate) struct IdleTimeout {
    began: Instant,
    last_ms: Arc<AtomicU64>,
}

impl IdleTimeout {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            last_ms: Arc::default(),
        }
    }

    /// Records that bytes move now.
    pub(crate) fn touch(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(elapsed, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.began + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// Waits for a future, as long as bytes move at least every `pause`. `None`: they did not.
    pub(crate) async fn run<T>(&self, pause: Duration, what: impl Future<Output = T>) -> Option<T> {
        let mut what = pin!(what);
        loop {
            match timeout_at(self.last() + pause, &mut what).await {
                Ok(result) => return Some(result),
                Err(_) if self.last() + pause > Instant::now() => {}
                Err(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn a_transfer_ends_only_after_an_idle_pause() {
        let pause = Duration::from_secs(1);
        let progress = IdleTimeout::new();
        let moving = async {
            for _ in 0..20 {
                sleep(pause / 2).await;
                progress.touch();
            }
        };
        assert_eq!(progress.run(pause, moving).await, Some(()));
        assert_eq!(progress.run(pause, sleep(pause * 2)).await, None);
    }
}
