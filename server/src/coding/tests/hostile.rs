//! Data that is malformed, cut off, or a bomb.

use super::*;

#[test]
fn data_that_ends_too_early_is_malformed() {
    let plain = text(900);
    for &coding in Coding::ALL {
        let data = encoded(coding, &plain);
        for end in 1..data.len() {
            let read = decode_whole(&[coding], &data[..end]);
            assert_eq!(read, Err(Flaw::Malformed(coding)), "{coding} ends at {end}");
        }
    }
}

#[test]
fn something_behind_the_end_is_malformed() {
    for &coding in Coding::ALL {
        let data = [&encoded(coding, b"hello")[..], b"!"].concat();
        assert_eq!(decode_whole(&[coding], &data), Err(Flaw::Malformed(coding)));
        let slowly = decode(&[coding], data.chunks(1), NO_LIMIT, NO_RATIO);
        assert_eq!(slowly, Err(Flaw::Malformed(coding)));
    }
}

#[test]
fn no_changed_byte_makes_it_panic_or_hang() {
    let plain = text(300);
    for &coding in Coding::ALL {
        let data = encoded(coding, &plain);
        for at in 0..data.len() {
            for flip in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = data.clone();
                changed[at] ^= flip;
                // Some changes are not seen: a time in gzip's head, or text without a checksum.
                let whole = decode(&[coding], [&changed[..]].into_iter(), 1 << 20, 200);
                let slowly = decode(&[coding], changed.chunks(1), 1 << 20, 200);
                assert_eq!(whole.is_ok(), slowly.is_ok(), "{coding} {at} {flip:x}");
            }
        }
    }
}

#[test]
fn what_is_no_such_data_is_malformed() {
    for &coding in Coding::ALL {
        for data in [&b"hello, world"[..], &[0; 100], &[0xff; 100]] {
            let read = decode_whole(&[coding], data);
            assert_eq!(read, Err(Flaw::Malformed(coding)), "{coding} {data:?}");
        }
    }
    // Bare deflate data is not `deflate` (RFC 9110 §8.4.1.2).
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    writer.write_all(b"hello, hello, hello").expect("memory");
    let bare = writer.finish().expect("memory");
    let read = decode_whole(&[Coding::Deflate], &bare);
    assert_eq!(read, Err(Flaw::Malformed(Coding::Deflate)));
}

#[test]
fn the_limit_holds_at_its_maximum_and_one_beyond() {
    for &coding in Coding::ALL {
        for length in [1, 16_384, 16_385, 100_000] {
            let data = encoded(coding, &text(length));
            let read = |limit| decode(&[coding], [&data[..]].into_iter(), limit, NO_RATIO);
            let most = length as u64;
            assert_eq!(read(most).map(|plain| plain.len()), Ok(length), "{coding}");
            assert_eq!(read(most - 1), Err(Flaw::TooLarge), "{coding}");
        }
    }
}

/// How much came out before the flaw was seen.
fn until_flaw(codings: &[Coding], data: &[u8], limit: u64, ratio_max: u64) -> (usize, Flaw) {
    let mut decoder = Decoder::new(codings, ratio_max);
    let mut waiting = BytesMut::from(data);
    let mut count = 0;
    loop {
        match decoder.decode(&mut waiting, true, limit) {
            Ok(Decoding::Piece(piece)) => count += piece.len(),
            Ok(Decoding::Again) => {}
            Ok(end @ (Decoding::NeedMore | Decoding::End)) => panic!("{end:?}, {count} bytes"),
            Err(flaw) => return (count, flaw),
        }
    }
}

#[test]
fn a_bomb_is_seen_before_it_has_gone_off() {
    const LIMIT: u64 = 1024 * 1024;
    let zeros = vec![0; 30_000_000];
    for &coding in Coding::ALL {
        let bomb = encoded(coding, &zeros);
        let (count, flaw) = until_flaw(&[coding], &bomb, LIMIT, NO_RATIO);
        assert_eq!(flaw, Flaw::TooLarge, "{coding}");
        assert!(count as u64 <= LIMIT, "{coding}: {count} bytes");
        let (count, flaw) = until_flaw(&[coding], &bomb, NO_LIMIT, 200);
        assert_eq!(flaw, Flaw::Expansive, "{coding}");
        let most = 200 * bomb.len() + 64 * 1024;
        assert!(count <= most, "{coding}: {count} bytes, {most} allowed");
    }
}

#[test]
fn the_ratio_holds_all_the_way() {
    for &coding in Coding::ALL {
        let plain = vec![b'x'; 2_000_000];
        let data = encoded(coding, &plain);
        let needed = (plain.len() as u64 - 64 * 1024).div_ceil(data.len() as u64);
        let read = |ratio| decode(&[coding], [&data[..]].into_iter(), NO_LIMIT, ratio);
        assert_eq!(read(needed - 1), Err(Flaw::Expansive), "{coding}");
        // It holds all the way, so that what comes first may need more than the whole does.
        let enough = read(100 * needed).map(|read| read.len());
        assert_eq!(enough, Ok(plain.len()), "{coding}");
        // However little comes in, 64 KiB may come of it.
        let data = encoded(coding, &vec![b'x'; 64 * 1024]);
        let read = |ratio| decode(&[coding], [&data[..]].into_iter(), NO_LIMIT, ratio);
        assert_eq!(read(0).map(|read| read.len()), Ok(64 * 1024), "{coding}");
    }
}

#[test]
fn a_bomb_within_a_bomb_goes_off_in_no_stage() {
    // What the first stage makes of it is long, what the second makes of that is nothing.
    let empty = encoded(Coding::Gzip, b"");
    let members = empty.repeat(1_000_000);
    for &outer in Coding::ALL {
        let bomb = encoded(outer, &members);
        let (count, flaw) = until_flaw(&[Coding::Gzip, outer], &bomb, 1 << 20, NO_RATIO);
        assert_eq!((count, flaw), (0, Flaw::TooLarge), "{outer}");
        let (count, flaw) = until_flaw(&[Coding::Gzip, outer], &bomb, NO_LIMIT, 50);
        assert_eq!((count, flaw), (0, Flaw::Expansive), "{outer}");
    }
}

#[cfg(feature = "brotli")]
#[test]
fn a_large_window_of_brotli_is_refused() {
    // The format's extension, by which a few bytes may ask for a gigabyte.
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        large_window: true,
        lgwin: 28,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &b"hello"[..], &mut out, &parameters).expect("memory");
    assert!(
        decoded(Coding::Brotli, &out).is_ok(),
        "it is well-formed in itself"
    );
    let read = decode_whole(&[Coding::Brotli], &out);
    assert_eq!(read, Err(Flaw::Malformed(Coding::Brotli)));
}

#[cfg(feature = "zstd")]
#[test]
fn a_window_of_zstd_has_its_maximum() {
    use zstd::stream::raw::CParameter;
    // RFC 9659 §3: 8 MiB, which is 2^23, must do.
    for (log, expected) in [(23, true), (24, false)] {
        let mut writer = zstd::Encoder::new(Vec::new(), 1).expect("memory");
        writer
            .set_parameter(CParameter::WindowLog(log))
            .expect("within zstd's range");
        writer.write_all(&text(10_000)).expect("memory");
        writer.flush().expect("memory"); // so that the length is not known beforehand
        let data = writer.finish().expect("memory");
        let read = decode_whole(&[Coding::Zstd], &data);
        assert_eq!(read.is_ok(), expected, "2^{log}");
    }
}
