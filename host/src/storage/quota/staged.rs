//! Staged uploads that draw on the quota of their project.

use tokio::sync::mpsc;

use super::account::{Hold, Reservation};
use super::no_room;
use crate::convert::to_u64;
use crate::storage::{BlobStream, Staged};

/// Received bytes, and the room reserved for them.
pub(super) struct Counted {
    pub(super) staged: Box<dyn Staged>,
    pub(super) hold: Hold,
}

impl Staged for Counted {
    fn size(&self) -> u64 {
        self.staged.size()
    }

    fn digest(&self) -> [u8; 32] {
        self.staged.digest()
    }
}

/// Wraps a stream, which then ends with an error at the first chunk for which there is no room.
pub(super) fn drawn(mut contents: BlobStream, reservation: Reservation) -> BlobStream {
    let (sender, drawn) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let piece = tokio::select! {
                piece = contents.recv() => piece,
                () = sender.closed() => return,
            };
            let Some(piece) = piece else { return };
            let piece = piece.and_then(|piece| {
                let bytes = to_u64(piece.len());
                let fits = reservation.draw(bytes);
                fits.then_some(piece).ok_or_else(|| no_room(reservation.bytes_max()))
            });
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    });
    drawn
}
