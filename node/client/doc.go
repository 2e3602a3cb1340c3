// Package client writes blobs to a committee of nodes, and reads them back although
// some nodes are down, slow, or lie.
//
// [Client.Store] returns once nodes that own n-f shards have attested that they have
// their part of the blob on disk. The certificate it returns proves that the blob can
// be read whatever f shards do. [Client.Read] returns bytes only if encoding them again
// gives the blob's id, so that all readers of one id get the same bytes, or all get
// none.
//
// [Client.StoreFrom] and [Client.StoreReader] store blobs that need not fit into memory, and
// [Client.ReadTo] reads them; so does a [ReaderAt], in any order.
//
// A node that sends something provably wrong is asked last for some time. A node that
// is slow is not waited for: its part is asked of others as soon as nothing has come
// for longer than nodes take otherwise, see [Options]. It is asked last from then on,
// until it delivers in time when it is tried again, of which no read knows. What is
// sent to a slow node goes on after [Client.Store] has returned, but only as long as
// nothing else needs the memory.
package client
