"""Parse packet headers codec by codec, without decoding: H.264, HEVC, VP8, VP9."""
