#include "client/cli/plot_canvas.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace cajal::cli {
namespace {

constexpr double kScale = 2;  // pixels of a unit

}  // namespace

double NiceStep(double range, int n) {
  const double raw = range / n;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

Canvas::Canvas(double width, double height)
    : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width * kScale),
                                          static_cast<int>(height * kScale))),
      cairo_(cairo_create(surface_.get())) {
  cairo_scale(cairo_.get(), kScale, kScale);
  cairo_set_source_rgb(cairo_.get(), 1, 1, 1);
  cairo_paint(cairo_.get());
  cairo_set_line_join(cairo_.get(), CAIRO_LINE_JOIN_ROUND);
}

void Canvas::Line(double x0, double y0, double x1, double y1, const Color& color, double width) {
  SetColor(color);
  cairo_set_line_width(cairo_.get(), width);
  cairo_move_to(cairo_.get(), x0, y0);
  cairo_line_to(cairo_.get(), x1, y1);
  cairo_stroke(cairo_.get());
}

void Canvas::Mark(Marker marker, double x, double y, const Color& color, double radius) {
  SetColor(color);
  if (marker == Marker::kCircle) {
    cairo_arc(cairo_.get(), x, y, radius, 0, 2 * M_PI);
  } else {
    cairo_rectangle(cairo_.get(), x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
  }
  cairo_fill(cairo_.get());
}

double Canvas::Text(const std::string& text, double x, double y, double align, double size,
                    bool bold) {
  const double width = SetFont(text, size, bold);
  cairo_move_to(cairo_.get(), x - align * width, y);
  cairo_show_text(cairo_.get(), text.c_str());
  return width;
}

void Canvas::TextWithin(double width, const std::string& text, double x, double y, double size) {
  const double wanted = SetFont(text, size, /*bold=*/true);
  Text(text, x, y, 0, wanted > width ? size * width / wanted : size, /*bold=*/true);
}

absl::StatusOr<std::string> Canvas::Png() {
  std::string bytes;
  const auto append = [](void* closure, const unsigned char* data, unsigned int length) {
    static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(data), length);
    return CAIRO_STATUS_SUCCESS;
  };
  cairo_status_t status = cairo_status(cairo_.get());
  if (status == CAIRO_STATUS_SUCCESS) {
    status = cairo_surface_write_to_png_stream(surface_.get(), append, &bytes);
  }
  if (status == CAIRO_STATUS_SUCCESS) return bytes;
  return absl::InternalError(
      absl::StrCat("the plot could not be drawn: ", cairo_status_to_string(status)));
}

double Canvas::SetFont(const std::string& text, double size, bool bold) {
  SetColor(kInk);
  cairo_select_font_face(cairo_.get(), "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo_.get(), size);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo_.get(), text.c_str(), &extents);
  return extents.x_advance;
}

void Canvas::SetColor(const Color& color) {
  cairo_set_source_rgb(cairo_.get(), color.red, color.green, color.blue);
}

}  // namespace cajal::cli
