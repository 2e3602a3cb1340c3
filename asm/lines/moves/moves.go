// Package moves emits the work on a lines.Job, which hash kernels do on the side.
package moves

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in lines.Job, and in lines.move.
const (
	jobLeft, jobSrc, jobDst, jobNext, jobCount = 0, 8, 16, 24, 32
	moveSrc, moveDst, moveLines, moveSize      = 0, 8, 16, 24
)

// Line is the size of a cache line in bytes.
const Line = 64

// Use is the registers that the work takes. Job points to the job, and Budget is how many
// lines it may move; the others are clobbered.
type Use struct {
	Job, Budget, Left, Src, Dst Register
	Vector                      VecPhysical
}

// Work emits the work.
func Work(r Use) {
	MOVQ(Mem{Base: r.Job, Disp: jobLeft}, r.Left)
	MOVQ(Mem{Base: r.Job, Disp: jobSrc}, r.Src)
	MOVQ(Mem{Base: r.Job, Disp: jobDst}, r.Dst)
	Label("moves_more")
	TESTQ(r.Left, r.Left)
	JNZ(LabelRef("moves_line"))
	DECQ(Mem{Base: r.Job, Disp: jobCount})
	JL(LabelRef("moves_none"))
	MOVQ(Mem{Base: r.Job, Disp: jobNext}, r.Left)
	ADDQ(Imm(moveSize), Mem{Base: r.Job, Disp: jobNext})
	MOVQ(Mem{Base: r.Left, Disp: moveSrc}, r.Src)
	MOVQ(Mem{Base: r.Left, Disp: moveDst}, r.Dst)
	MOVQ(Mem{Base: r.Left, Disp: moveLines}, r.Left)
	JMP(LabelRef("moves_more"))

	Label("moves_line")
	VMOVDQU64(Mem{Base: r.Src}, r.Vector)
	VMOVNTDQ(r.Vector, Mem{Base: r.Dst})
	ADDQ(Imm(Line), r.Dst)
	ADDQ(Imm(Line), r.Src)
	DECQ(r.Budget)
	JZ(LabelRef("moves_last"))
	DECQ(r.Left)
	JNZ(LabelRef("moves_line"))
	JMP(LabelRef("moves_more"))

	Label("moves_none")
	MOVQ(I32(0), Mem{Base: r.Job, Disp: jobCount})
	JMP(LabelRef("moves_stop"))
	Label("moves_last")
	DECQ(r.Left)
	Label("moves_stop")
	MOVQ(r.Left, Mem{Base: r.Job, Disp: jobLeft})
	MOVQ(r.Src, Mem{Base: r.Job, Disp: jobSrc})
	MOVQ(r.Dst, Mem{Base: r.Job, Disp: jobDst})
}
