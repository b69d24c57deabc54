package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/embed"
)

func TestExpFull(t *testing.T) {
	dir := os.Getenv("EXP_DIR")
	if dir == "" {
		cmd := exec.Command(os.Args[0], "-test.run=TestExpFull$", "-test.v")
		cmd.Env = append(os.Environ(), "EXP_DIR="+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
		out, err := cmd.CombinedOutput()
		t.Logf("%s %v", out, err)
		return
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatal(err)
	}
	n := 10
	if os.Getenv("EXP_LONE") != "" {
		n = 1
	}
	server, err := embed.Start(embed.Config{StoreDir: dir + "/js", MaxBytes: 1 << 30, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := jobs.OpenStream(t.Context(), server.Conn, 1<<29)
	if err != nil {
		t.Fatal(err)
	}
	var after uint64
	for i := 0; i < 1000; i += n {
		ctx, c := context.WithTimeout(t.Context(), 3*time.Second)
		seqs, err := stream.Append(ctx, part, envelopes(i, n, 100<<10), after)
		c()
		if err != nil {
			fmt.Println(i, seqs, err)
			for k := range 4 {
				ctx, c := context.WithTimeout(t.Context(), 3*time.Second)
				seqs, err = stream.Append(ctx, part, envelopes(i, []int{1, 2, 10, 1}[k], 100), after)
				fmt.Println("small", seqs, err)
				a, b, d, err := stream.Bounds(ctx)
				fmt.Println("bounds", a, b, d, err)
				e, err := stream.Get(ctx, 3)
				fmt.Println("get", e.Offset, err)
				c()
			}
			break
		}
		after = seqs[len(seqs)-1]
	}
	fmt.Println("purge", stream.Purge(t.Context(), part, after))
	{
		ctx, c := context.WithTimeout(t.Context(), 3*time.Second)
		seqs, err := stream.Append(ctx, part, envelopes(1, 10, 100), after)
		fmt.Println("after purge", seqs, err)
		c()
	}
	fmt.Println("restart", server.Restart())
	ctx, c := context.WithTimeout(t.Context(), 3*time.Second)
	defer c()
	a, b, d, err := stream.Bounds(ctx)
	fmt.Println("bounds", a, b, d, err)
	seqs, err := stream.Append(ctx, part, envelopes(1, 10, 100), b)
	fmt.Println("after restart", seqs, err)
	server.Stop()
}
