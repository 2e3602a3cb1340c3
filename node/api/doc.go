// Package api is what nodes and clients say to each other: paths, JSON answers, and
// the frames of streamed bodies. It is HTTP/1.1 over TLS 1.3, after the API of
// Walrus's storage nodes.
//
// Blob ids stand in paths in their text form, URL-safe base64 without padding; n is
// the number of shards. Writers are the members and clients of the committee.
//
//	GET  /v1/health                                    Health, JSON
//	GET  /v1/blobs?after=ID&limit=N                    BlobList, JSON, in the order of ids
//	    ?state=certified, =invalid or =pending         of blobs in a ListState
//	    ?form=ids                                      their ids alone, 32 bytes each; not of pending ones
//	GET  /v1/blobs/{id}/status                         Status, JSON
//	GET  /v1/blobs/{id}/metadata                       BlobMetadataWithId in BCS
//	PUT  /v1/blobs/{id}/metadata                       BlobMetadata in BCS; writers
//	GET  /v1/blobs/{id}/metadata/parts?pairs=1,2[&proven=true]  parts of it, see package coded; or
//	                                                   BlobMetadata in BCS, if the node keeps all
//	GET  /v1/blobs/{id}/slivers/{pair}/{axis}          the sliver's bytes; takes Range
//	PUT  /v1/blobs/{id}/slivers/{pair}/{axis}          the sliver's bytes; writers
//	GET  /v1/blobs/{id}/slivers?primary=1,2&secondary=3  frames: many slivers, by pair
//	PUT  /v1/blobs/{id}                                frames: metadata and slivers at once, whole
//	                                                   or in pieces, answered by Confirmation,
//	                                                   JSON, and by 102 before it, now and then,
//	                                                   while slivers in pieces are verified; writers
//	PUT  /v1/blobs                                     frames: for each of many small blobs what is to
//	                                                   be attested, metadata and slivers; all are
//	                                                   stored or none; answered by a Confirmation of
//	                                                   all of them at once, JSON; clients and members
//	GET  /v1/blobs/{id}/confirmation/permanent         Confirmation, JSON, once all pairs are stored
//	    ?object=HEX                                    of a deletable registration on a ledger;
//	                                                   PUT /v1/blobs/{id} takes the same
//	    ?walrus=permanent, ?walrus=deletable&object=HEX  in Walrus's words
//	GET  /v1/blobs/{id}/certificate                    the point of availability
//	PUT  /v1/blobs/{id}/certificate                    the same; writers
//	PUT  /v1/certificates                              frames: many of these; what is right is taken, and
//	                                                   the error says what is wrong; writers
//	GET  /v1/blobs/{id}/recoverySymbols?axis=A&target=I[&source=P]  RecoverySymbols in BCS, proven
//	GET  /v1/blobs/{id}/decodingSymbols?axis=A&target=I[&source=P]  the same without proofs
//	POST /v1/recoverySymbols                           SymbolRequests, answered by frames; writers
//	GET  /v1/blobs/{id}/inconsistencyProof             the proof, in BCS
//	PUT  /v1/blobs/{id}/inconsistencyProof             the same, answered by Confirmation, JSON; writers
//	PUT  /v1/blobs/{id}/inconsistent                   the certificate of f+1 shards; writers
//	GET  /v1/blobs/{id}/inconsistent                   the same
//
// Errors are answered by [Error] in JSON and a status: 400 for what is malformed, 403
// for writes by strangers, and of blobs that are not registered so, 404 for what the node has not, 409 for slivers without
// metadata, 410 for a blob that a certificate says is inconsistent (with the address
// of the proof), 413 for bodies beyond the limit, 416 for ranges outside the sliver,
// 421 for slivers of other nodes' shards, 422 for data that the blob id does not
// commit to, 503 with Retry-After for overload, 507 for a full disk, and for a
// writer who has too many bytes of blobs without a certificate. An error is answered
// before the body has come; the connection then ends, unless the body follows at once.
package api
