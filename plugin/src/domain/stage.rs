//! MLflow's stages of model versions.

use crate::error::{Error, Result};

/// The stage to which a model version was promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelStage {
    /// Not promoted to any stage.
    None,
    /// Under test.
    Staging,
    /// In use.
    Production,
    /// No longer in use.
    Archived,
}

impl ModelStage {
    /// All stages, in MLflow's order.
    pub const ALL: [ModelStage; 4] = [
        ModelStage::None,
        ModelStage::Staging,
        ModelStage::Production,
        ModelStage::Archived,
    ];

    /// MLflow's word for it.
    pub fn name(self) -> &'static str {
        match self {
            ModelStage::None => "None",
            ModelStage::Staging => "Staging",
            ModelStage::Production => "Production",
            ModelStage::Archived => "Archived",
        }
    }

    /// Reads a stage, in upper or lower case.
    pub fn parse(text: &str) -> Result<Self> {
        let named = |stage: &Self| stage.name().to_lowercase() == text.to_lowercase();
        Self::ALL.into_iter().find(named).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|stage| stage.name()).collect();
            Error::Invalid(format!(
                "Invalid Model Version stage: {text}. Value must be one of {}.",
                names.join(", ")
            ))
        })
    }

    /// True if versions of this stage are in use, so that a new one can archive them.
    pub fn is_active(self) -> bool {
        matches!(self, ModelStage::Staging | ModelStage::Production)
    }
}
