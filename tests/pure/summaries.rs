// SPDX-License-Identifier: GPL-2.0

use proptest::prelude::*;

use crate::summary::{Sum, write_status, write_volumes};

fn sum(requests: u64, bytes: u64, errors: u64) -> Sum {
    Sum {
        requests,
        bytes,
        errors,
        again: 0,
    }
}

fn volumes(read: Sum, write: Sum) -> String {
    let mut text = String::new();
    let operations = [("read", read), ("write", write)];
    write_volumes(&mut text, operations.into_iter()).unwrap();
    text
}

#[test]
fn volumes_is_the_text_of_the_exercise() {
    assert_eq!(
        volumes(sum(500, 500 * 4096, 3), sum(100, 100 * 4096, 0)),
        "read:\n reqs: 500\n avg size: 4096\n\
         write:\n reqs: 100\n avg size: 4096\n\
         total:\n reqs: 600\n avg size: 4096\n"
    );
}

#[test]
fn averages_without_requests_are_zero() {
    assert_eq!(
        volumes(Sum::default(), Sum::default()),
        "read:\n reqs: 0\n avg size: 0\n\
         write:\n reqs: 0\n avg size: 0\n\
         total:\n reqs: 0\n avg size: 0\n"
    );
    assert_eq!(sum(0, 4096, 0).avg_size(), 0);
}

/// 5 * 2^32 reads of 4 KiB and 3 * 2^32 writes of 1 MiB: more than 2^46 and 2^53 bytes, so each
/// number and each product exceeds 32 bits.
#[test]
fn averages_and_sums_are_right_beyond_32_bits() {
    let (reads, writes) = (5 << 32, 3 << 32);
    let (read, write) = (sum(reads, reads * 4096, 0), sum(writes, writes << 20, 0));
    // (5 * 4096 + 3 * 1048576) / 8
    assert_eq!(
        volumes(read, write),
        "read:\n reqs: 21474836480\n avg size: 4096\n\
         write:\n reqs: 12884901888\n avg size: 1048576\n\
         total:\n reqs: 34359738368\n avg size: 395776\n"
    );
    assert_eq!(
        sum(1 << 32, (1 << 32) * 512 + (1 << 32) - 1, 0).avg_size(),
        512
    );
    assert_eq!(sum(u64::MAX, u64::MAX, 0).avg_size(), 1);
}

#[test]
fn status_has_each_operation_in_order_and_dashes_for_unmeasured_ones() {
    let again = |again, sum| Sum { again, ..sum };
    let operations = [
        ("read", Some(again(1 << 34, sum(1, 4096, 0)))),
        ("flush", None),
        ("other", Some(again(3, sum(1 << 33, u64::MAX, 2)))),
    ];
    for (latency, word) in [(true, "on"), (false, "off")] {
        let mut text = String::new();
        write_status(&mut text, operations.into_iter(), latency).unwrap();
        assert_eq!(
            text,
            format!(
                "read 1 4096 0 flush - - - other 8589934592 18446744073709551615 2 latency {word} \
                 again 17179869184 - 3"
            )
        );
    }
}

proptest! {
    /// Nothing overflows in 128 bits. If the sums fit 64 bits, the results must be equal.
    #[test]
    fn sums_and_averages_agree_with_wider_numbers(
        requests in 0..u64::MAX / 2,
        more in 0..u64::MAX / 2,
        bytes in 0..u64::MAX / 2,
        more_bytes in 0..u64::MAX / 2,
        shift in 0_u32..63,
    ) {
        let (one, other) = (sum(requests >> shift, bytes, 1), sum(more >> shift, more_bytes, 2));
        let both = one.plus(other);
        prop_assert_eq!(
            u128::from(both.requests),
            u128::from(one.requests) + u128::from(other.requests)
        );
        prop_assert_eq!(u128::from(both.bytes), u128::from(bytes) + u128::from(more_bytes));
        prop_assert_eq!((both.errors, both.again), (3, 0));
        let average = u128::from(both.bytes).checked_div(u128::from(both.requests));
        prop_assert_eq!(u128::from(both.avg_size()), average.unwrap_or(0));
    }

    /// The numbers are arbitrary, so sums may wrap round.
    #[test]
    fn volumes_has_nine_lines_for_any_numbers(numbers: [u64; 6]) {
        let [a, b, c, d, e, f] = numbers;
        prop_assert_eq!(volumes(sum(a, b, c), sum(d, e, f)).lines().count(), 9);
    }
}
