//! Names of files in the database, and their bytes in a stand-in for S3.

use std::sync::Arc;

use super::Database;
use crate::storage::Records;
use crate::storage::s3::tests::hosts::change_much_at_once;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hosts_of_a_database_share_the_names_of_files() {
    let database = Database::new().await;
    let mut hosts: Vec<Arc<dyn Records>> = Vec::new();
    for _ in 0..3 {
        hosts.push(Arc::new(database.records().await));
    }
    change_much_at_once(hosts).await;
    assert_eq!(database.records().await.projects(None).await.unwrap(), []);
}
