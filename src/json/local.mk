core_sources += \
	src/json/convert.c \
	src/json/fault.c \
	src/json/load.c \
	src/json/load.h \
	src/json/loader.h \
	src/json/print.c \
	src/json/print.h \
	src/json/schema.h \
	src/json/store.c \
	src/json/syntax.c \
	src/json/syntax.h
