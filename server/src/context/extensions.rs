//! Values that middleware stores with a request, one per type.
//!
//! Always true here:
//! - Nothing stored is moved or removed before the request ends, so `get` lends from `&self`.
//!
//! Not here: what lives as long as the core (`core.rs`).

use std::any::Any;
use std::cell::OnceCell;

use ringlane_reactor::drop_caught;

/// A list that only grows.
#[derive(Default)]
pub(crate) struct Extensions(OnceCell<Box<Node>>);

struct Node {
    value: Box<dyn Any>,
    next: Extensions,
}

impl Extensions {
    pub(crate) fn insert<T: 'static>(&self, value: T) -> &T {
        let mut value = Some(value);
        let mut list = self;
        loop {
            // Filled below or before: the first value of a type stays.
            if let Some(value) = value.take_if(|_| list.0.get().is_none()) {
                let next = Self::default();
                let node = Node {
                    value: Box::new(value),
                    next,
                };
                list.0.get_or_init(|| Box::new(node));
            }
            let node = list
                .0
                .get()
                .expect("this place was filled just now or before");
            match node.value.downcast_ref() {
                Some(found) => return found,
                None => list = &node.next,
            }
        }
    }

    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        let mut list = self;
        while let Some(node) = list.0.get() {
            if let Some(found) = node.value.downcast_ref() {
                return Some(found);
            }
            list = &node.next;
        }
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// Drops everything, one by one: each may have a destructor of a user's that panics.
    pub(crate) fn clear(&mut self) {
        let mut list = std::mem::take(self);
        while let Some(node) = list.0.take() {
            drop_caught(node.value);
            list = node.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_per_type_and_the_first_stays() {
        let mut extensions = Extensions::default();
        assert_eq!(extensions.get::<u8>(), None);
        assert_eq!(extensions.insert(1u8), &1);
        let text = extensions.insert("text");
        assert_eq!(extensions.insert(2u8), &1);
        assert_eq!(*text, "text");
        assert_eq!(extensions.get(), Some(&1u8));
        assert_eq!(extensions.get(), Some(&"text"));
        assert_eq!(extensions.get::<u16>(), None);
        extensions.clear();
        assert!(extensions.is_empty());
    }
}
