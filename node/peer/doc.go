// Package peer speaks to one node: what package api describes, as Go calls.
//
// Whatever comes from the other end is bounded in length and time, and metadata is
// verified against the blob id; slivers and symbols are handed out as they came. Who
// sends wrong ones is remembered by [Peer.Distrust], so that others are asked first.
package peer
