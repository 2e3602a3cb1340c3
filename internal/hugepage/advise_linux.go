package hugepage

import (
	"syscall"
	"unsafe"
)

// pageSize is that of a large page on the architectures that matter. Where it is
// another one, advice by this size is as good.
const pageSize = 2 << 20

// madvHugepage is MADV_HUGEPAGE of madvise(2).
const madvHugepage = 14

// advise asks for large pages within b. Errors are those of kernels without them.
func advise(b []byte) {
	skip := -uintptr(unsafe.Pointer(&b[0])) & (pageSize - 1)
	b = b[skip:]
	b = b[:len(b)&^(pageSize-1)]
	_ = syscall.Madvise(b, madvHugepage)
}
