//! Import `mlforge:plugin/report`: writes faults of the component to the log.

use crate::runtime::bindings::report as wit;
use crate::runtime::store_data::StoreData;

/// Maximum length of a logged fault, in bytes.
const FAULT_BYTES_MAX: usize = 4096;

impl wit::Host for &mut StoreData {
    fn fault(&mut self, message: String) {
        let project = self.readable().map(|(_, project)| project.0);
        let end = message.floor_char_boundary(FAULT_BYTES_MAX);
        tracing::error!(target: "mlforge::component", project, fault = message.get(..end), "the component reports a fault");
    }
}
