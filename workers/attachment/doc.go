// Package attachment fetches the files that messages attach: from base64, from
// S3, or from a presigned URL, into a spool file in the data directory.
//
// # Purpose
//
// A file is on disk, with its size and SHA-256, before anything is written to
// the API. Memory stays bounded however large and however many files are.
//
// # Invariants
//
//   - A file is never larger than what the API takes (50 MB, decimal); a
//     source that yields more is cut off.
//   - Spool files are 0600, removed with [File.Remove], and swept at start.
//   - A presigned URL is fetched only from an allowed origin, without redirects
//     to another, and its query never appears in an error.
//   - Only S3's own answer tells that a file is missing; a proxy's does not.
//
// # Failure cases
//
// What the message got wrong is a [jobs.Failure] (file_refused, file_missing).
// One file's trouble is a [jobs.TransientError], if whoever serves it is there:
// that is asked. Else, and when S3 refuses the access key, it is a
// [jobs.HoldError] (s3_down), until [S3.Ping] finds it back.
package attachment
