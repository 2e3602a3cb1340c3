// Package daemon is the HTTP API of Walrus's publisher and aggregator before a store of
// blobs: what curl and the libraries of Walrus's users speak.
//
//	PUT  /v1/blobs                                    stores the body
//	PUT  /v1/quilts                                   stores the parts of a form as one blob
//	GET  /v1/blobs/{id}                               all of a blob, or the range asked for
//	GET  /v1/blobs/{id}/byte-range?start=&length=     a range, with status 200
//	GET  /v1/blobs/by-object-id/{object}              a blob by the record of its registration
//	GET  /v1/blobs/by-quilt-patch-id/{patch}          a file of a quilt
//	GET  /v1/blobs/by-quilt-id/{id}/{identifier}      a file of a quilt
//	GET  /v1/quilts/{id}/patches                      the files of a quilt
//	GET  /v1alpha/blobs/{id}/stream                   a blob, in pieces as they come
//	GET  /v1alpha/blobs/concat?ids=                   blobs, one after another
//	POST /v1alpha/blobs/concat                        the same for ids in JSON
//	GET  /v1/api                                      what the API is, in OpenAPI 3.1
//	GET  /status                                      OK
//
// Names, errors and headers are Walrus's, its unquoted ETag among them. Beyond it, ranges
// without an end and ranges that count from the end are answered, HEAD reads nothing but
// metadata, and every read is as strict as reads can be, whatever the query allows.
package daemon
