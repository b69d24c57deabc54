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
//
// # Failure cases
//
// What the message got wrong is a [jobs.Failure] (file_refused, file_missing);
// S3 that is away or refuses the access key is a [jobs.HoldError] (s3_down).
package attachment
