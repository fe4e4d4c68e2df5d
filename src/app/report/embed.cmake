# Writes a C file with the bytes of text files: cmake -DOUT=x.c "-DFILES=a.css;b.js" -P embed.cmake
# a.css becomes `a_css` and `a_css_n`.
set(text "#include \"app/report/page_embed.h\"\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER ${name} name)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(APPEND text "const unsigned char ${name}[] = {${bytes}0};\nconst size_t ${name}_n = sizeof ${name} - 1;\n")
endforeach()
file(WRITE ${OUT} "${text}")
