//! mlforge's own host under test, in this process, with all that a test can change or look into. Its clock is frozen and its
//! random numbers are seeded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use mlforge::storage::memory::MemoryBlobs;
use mlforge::storage::s3::{S3Blobs, S3Location};
use mlforge::storage::{Blobs, Records};
use mlforge::{Host, HostBuilder, Plugin};
use tokio::runtime::Runtime;

use crate::component::{is_isolated, patient};
use crate::direct_store::DirectStore;
use crate::intercepted_blobs::InterceptedBlobs;
use crate::record_store::{Place, with_records};
use crate::tracker::NOW_MS;
use crate::two_projects::{Environment, TwoProjects};

/// A host with two projects, 1 and 2.
pub(crate) struct OwnHost {
    pub(crate) host: Host,
    /// If true, all logged data is compacted before each request, else only by `pack`.
    pub(crate) packs: bool,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) environment: Arc<Environment>,
    _place: Option<Arc<Place>>,
}

impl OwnHost {
    /// A host with empty projects. Its files are in `store`, if there is one.
    pub(crate) fn with(
        runtime: &Runtime,
        plugin: Plugin,
        store: Option<Arc<DirectStore>>,
        configure: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Self {
        let (builder, records, place) = with_records(runtime);
        let environment = Arc::new(Environment::default());
        let builder = configure(builder.limits(patient()));
        let (builder, blobs) = match store {
            Some(store) => {
                let blobs = Arc::new(InterceptedBlobs(store));
                (builder.blobs(Arc::clone(&blobs)), blobs as Arc<dyn Blobs>)
            }
            None => with_blobs(builder, &records, runtime),
        };
        Self {
            host: finish(builder.plugin(plugin), &environment),
            packs: place.is_some(),
            records,
            blobs,
            environment,
            _place: place,
        }
    }
}

/// Sets the storage of files: in memory, or below a prefix of the test's own in the bucket.
fn with_blobs(
    builder: HostBuilder,
    records: &Arc<dyn Records>,
    runtime: &tokio::runtime::Runtime,
) -> (HostBuilder, Arc<dyn Blobs>) {
    if std::env::var("MLFORGE_TEST_STORAGE").as_deref() != Ok("s3") {
        let blobs = Arc::new(MemoryBlobs::new());
        return (builder.blobs(Arc::clone(&blobs)), blobs);
    }
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let bucket = std::env::var("MLFORGE_TEST_S3").expect("MLFORGE_TEST_S3: cargo xtask test s3 sets it");
    let place: S3Location = format!("{bucket}/hermetic/{}-{count}", std::process::id())
        .parse()
        .expect("a place");
    let opened = runtime.block_on(S3Blobs::open(&place, Arc::clone(records)));
    let blobs = Arc::new(opened.expect("a bucket"));
    (builder.blobs(Arc::clone(&blobs)), blobs)
}

fn finish(builder: HostBuilder, environment: &Arc<Environment>) -> Host {
    let clock = Arc::clone(environment);
    builder
        .forge(Arc::new(TwoProjects(Arc::clone(environment))))
        .isolate(is_isolated())
        .clock(move || {
            let now_ms = NOW_MS.unsigned_abs() + clock.passed_ms.load(Ordering::SeqCst);
            SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms)
        })
        .random_seed(1)
        .background_maintenance(false)
        .build()
        .expect("a host")
}
