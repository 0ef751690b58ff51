package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// A usage is what this process has used so far: seconds on the processors,
// and bytes of memory. The memory is 0 where there is no /proc.
type usage struct {
	CPU float64 `json:"cpu"`
	RSS int64   `json:"rss,omitempty"`
}

func used() usage {
	u := usage{RSS: residentBytes()}
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil {
		u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
	}
	return u
}

func residentBytes() int64 {
	statm, _ := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}
