#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mlforge_plugin::fuzz::otlp(bytes));
