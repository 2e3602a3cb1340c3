// Package headers shows CometBFT's headers over HTTP, with the votes and validators that
// stand for them, to nodes that join: they trust one header, and verify all others from
// it on.
//
//	GET /v1/headers/{height}   a light block in CometBFT's protocol buffers; 0 is the last one
package headers
