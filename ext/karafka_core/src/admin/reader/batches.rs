//! What was taken from the shared queue, sorted by partition.

use crate::batch::Batch;
use crate::kafka::fetched::Fetched;

/// A partition by its topic's handle and its number.
pub type Key = (usize, i32);

pub fn place(message: &Fetched) -> Key {
    (message.handle(), message.partition())
}

/// A batch for each partition, made with the room that its messages need: Ruby's collector hears of all of it.
pub struct Batches(Vec<(Key, Room, Option<Batch>)>);

#[derive(Default)]
struct Room {
    messages: usize,
    bytes: usize,
}

impl Batches {
    pub fn of(found: &[Fetched]) -> Self {
        let mut places: Vec<(Key, Room, Option<Batch>)> = Vec::new();
        for run in found.chunk_by(|one, next| place(one) == place(next)) {
            let key = place(&run[0]);
            let at = places.iter().rposition(|(of, ..)| *of == key).unwrap_or_else(|| {
                places.push((key, Room::default(), None));
                places.len() - 1
            });
            let room = &mut places[at].1;
            room.messages += run.len();
            room.bytes += run.iter().map(Fetched::data_bytes).sum::<usize>();
        }
        Batches(places)
    }

    /// Of a partition that has messages.
    pub fn at(&mut self, key: Key) -> &mut Batch {
        let found = self.0.iter().position(|(of, ..)| *of == key);
        let (_, room, batch) = &mut self.0[found.expect("each message was counted")];
        batch.get_or_insert_with(|| Batch::with_capacity(room.messages, room.bytes))
    }

    pub fn filled(self) -> impl Iterator<Item = (Key, Batch)> {
        self.0.into_iter().filter_map(|(key, _, batch)| Some((key, batch?)))
    }
}
