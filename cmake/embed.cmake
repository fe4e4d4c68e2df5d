# cmake -DIN=file -DOUT=file.c -DNAME=array -P embed.cmake: a file's bytes as a C array.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include <stddef.h>\n#include <stdint.h>\nextern const uint8_t ${NAME}[];\nextern const size_t ${NAME}_n;\n"
                  "const uint8_t ${NAME}[] = {${bytes}};\nconst size_t ${NAME}_n = sizeof ${NAME};\n")
