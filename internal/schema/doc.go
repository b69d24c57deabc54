// Package schema describes messages and records in JSON Schema (2020-12), and
// the topics that carry them in AsyncAPI 3, for producers and consumers.
// Selector keys, extensions and codes come from the code that checks them. A
// schema can say less than the decoder: duplicate keys, depth, size, and
// whatever only the API knows are not in it.
package schema
