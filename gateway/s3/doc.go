// Package s3 stands between a cluster and programs that speak S3.
//
// The protocol is versitygw's: signatures, requests and answers. This package is what it
// stands before: buckets, objects and uploads are records in a database on a disk
// (records.go, index.go), and their bytes are blobs. An object longer than a piece is
// several blobs, of which its record has the list; two objects with the same bytes share
// them. A record is durable, and its blobs are certified, before a request is answered. On a
// ledger each record is noted there, too (notes.go), and the database can be made again of that
// (rebuild.go).
//
// What there is nothing for (versions, locks, policies, ACLs that are set) answers
// NotImplemented.
package s3
